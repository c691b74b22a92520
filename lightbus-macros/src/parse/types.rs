//! What the types of arguments, fields and answers may be made of.

use syn::visit::{self, Visit};
use syn::{
    Attribute, GenericArgument, Lifetime, Meta, Path, PathArguments, ReturnType, Type, TypeFnPtr, TypeImplTrait,
    TypeInfer, TypeReference, TypeTraitObject, TypeTuple,
};

use crate::errors::Errors;
use crate::model::{Output, Owned, Passing};

/// Where a type stands, which decides what to write in its stead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Field,
    Return,
}

/// The type inside parentheses and the invisible groups that `macro_rules!` leaves.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

/// Whether an unmarked parameter asks for the context: `Context` or `lightbus::Context`, lent or not.
pub(crate) fn is_context(ty: &Type) -> bool {
    let ty = match peel(ty) {
        Type::Reference(reference) => peel(&reference.elem),
        owned => owned,
    };
    let Type::Path(path) = ty else { return false };
    let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|last| last == "Context") && names.all(|name| name == "lightbus")
}

/// How an argument of this type is passed.
pub(super) fn passing(ty: &Type, errors: &mut Errors) -> Option<Passing> {
    let before = errors.count();
    let passing = match peel(ty) {
        Type::Reference(reference) => lent(reference, errors),
        owned => {
            refuse_parts(owned, Place::Argument, errors);
            Some(Passing::Value)
        }
    };
    passing.filter(|_| errors.count() == before)
}

fn lent(reference: &TypeReference, errors: &mut Errors) -> Option<Passing> {
    if let Some(mutability) = &reference.mutability {
        let problem = "an argument cannot be a `&mut` reference: changes would not travel back to the caller";
        errors.refuse(mutability, problem, "take the value, and return what changed");
        return None;
    }
    if let Some(lifetime) = &reference.lifetime {
        let problem =
            format!("the lifetime `{lifetime}` cannot be kept: the dispatcher lends the argument for one call");
        errors.refuse(lifetime, problem, "write the reference without a lifetime, or take the owned type");
        return None;
    }
    let lent = peel(&reference.elem);
    refuse_parts(lent, Place::Argument, errors);
    let owned = match lent {
        Type::Slice(slice) => Owned::Vec(slice.elem.as_ref().clone()),
        Type::Path(path) if path.path.is_ident("str") => Owned::Text,
        _ => Owned::Same,
    };
    Some(Passing::Reference { lent: lent.clone(), owned })
}

/// The attributes of serde that name a function would have to name one for the type that carries a lent argument.
pub(super) fn refuse_codecs_of_reference(passing: &Passing, attributes: &[Attribute], errors: &mut Errors) {
    if matches!(passing, Passing::Value) {
        return;
    }
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What does not parse is serde's to refuse.
        let _ = attribute.parse_nested_meta(|meta| {
            let with_value = meta.input.peek(syn::Token![=]);
            if with_value {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                meta.parse_nested_meta(|nested| {
                    if nested.input.peek(syn::Token![=]) {
                        nested.value()?.parse::<syn::Expr>()?;
                    }
                    Ok(())
                })?;
            }
            let names_function =
                ["with", "serialize_with", "deserialize_with"].iter().any(|name| meta.path.is_ident(name));
            if names_function || (meta.path.is_ident("default") && with_value) {
                let problem =
                    "this serde attribute names a function for the owned type, and the argument is taken by reference";
                errors.refuse(&meta.path, problem, "take the argument by value");
            }
            Ok(())
        });
    }
}

/// A field of an event.
pub(super) fn refuse_field(ty: &Type, errors: &mut Errors) {
    refuse_parts(ty, Place::Field, errors);
}

/// What a method returns.
pub(super) fn output(output: ReturnType, errors: &mut Errors) -> Option<Output> {
    let ty = match output {
        ReturnType::Default => Type::Tuple(TypeTuple {
            attrs: Vec::new(),
            paren_token: syn::token::Paren::default(),
            elems: syn::punctuated::Punctuated::new(),
        }),
        ReturnType::Type(_, ty) => *ty,
    };
    let before = errors.count();
    let result = match peel(&ty) {
        Type::Path(path) => result_of(&path.path, errors),
        _ => None,
    };
    refuse_parts(&ty, Place::Return, errors);
    (errors.count() == before).then_some(Output { ty, result })
}

/// The two types of a `Result`, recognised by its name.
fn result_of(path: &Path, errors: &mut Errors) -> Option<(Type, Type)> {
    let last = path.segments.last().filter(|last| last.ident == "Result")?;
    let types: Vec<&Type> = match &last.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().filter_map(as_type).collect(),
        _ => Vec::new(),
    };
    if let [value, error] = types.as_slice() {
        return Some(((*value).clone(), (*error).clone()));
    }
    let problem =
        "this `Result` does not name its error type, which the macro needs in order to describe the method to callers";
    errors.refuse(
        path,
        problem,
        "write both types, `Result<T, E>`, where `E` is a type of your own that serde can encode",
    );
    None
}

fn as_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The `T` of an `Option<T>`, recognised by its name.
fn option_of(path: &Path) -> Option<&Type> {
    argument_of(path, &["Option"])
}

/// The only type argument of a path that ends in one of these names.
fn argument_of<'a>(path: &'a Path, names: &[&str]) -> Option<&'a Type> {
    let last = path.segments.last().filter(|last| names.iter().any(|name| last.ident == name))?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    list.args.iter().find_map(as_type)
}

/// A value inside an `Option` that is null on the wire, as `None` is.
#[derive(Clone, Copy)]
enum Null {
    None,
    Unit,
}

impl Null {
    const fn value(self) -> &'static str {
        match self {
            Self::None => "Some(None)",
            Self::Unit => "Some(())",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::None => "write one `Option`, or an enum with a variant for each case",
            Self::Unit => "write `bool`, or an enum with a variant for each case",
        }
    }
}

/// The value of the type that is null on the wire, as far as the type shows it.
fn null_inside(ty: &Type) -> Option<Null> {
    match peel(ty) {
        Type::Tuple(tuple) if tuple.elems.is_empty() => Some(Null::Unit),
        Type::Path(path) if option_of(&path.path).is_some() => Some(Null::None),
        // These leave no trace on the wire.
        Type::Path(path) => argument_of(&path.path, &["Box", "Rc", "Arc", "Cow"]).and_then(null_inside),
        _ => None,
    }
}

fn refuse_parts(ty: &Type, place: Place, errors: &mut Errors) {
    Parts { place, errors }.visit_type(ty);
}

/// Refuses every part of a type that cannot travel, and looks no further inside of it.
struct Parts<'a> {
    place: Place,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Parts<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let (problem, help) = match self.place {
            Place::Argument => (
                "a reference inside of a type cannot be lent: only a whole argument can be one, as `&str`, `&[T]` or `&T`",
                "write the owned type, such as `Option<String>` for `Option<&str>`",
            ),
            Place::Field => (
                "a field of an event cannot be a reference: subscribers get a copy of their own",
                "write the owned type, such as `String` for `&str` or `Vec<T>` for `&[T]`",
            ),
            Place::Return => (
                "a method cannot return a reference: its answer travels to another process",
                "return the owned type, such as `String` for `&str` or `Vec<T>` for `&[T]`",
            ),
        };
        self.errors.refuse(reference, problem, help);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        // A `Cow<'static, str>` borrows nothing.
        if lifetime.ident != "static" {
            let problem = format!("a type that borrows for `{lifetime}` cannot travel to another process");
            self.errors.refuse(lifetime, problem, "write an owned type");
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let problem = "`impl Trait` stands for a type that only the implementation knows, and other applications must know it too";
        self.errors.refuse(ty, problem, "write the concrete type");
    }

    fn visit_type_trait_object(&mut self, ty: &'ast TypeTraitObject) {
        let problem = "a trait object cannot travel to another process: its type would be lost on the way";
        self.errors.refuse(ty, problem, "write the concrete type, or an enum of the possible ones");
    }

    fn visit_type_fn_ptr(&mut self, ty: &'ast TypeFnPtr) {
        self.errors.refuse(ty, "a function cannot travel to another process", "write the data that it would need");
    }

    fn visit_type_infer(&mut self, ty: &'ast TypeInfer) {
        self.errors.refuse(ty, "the type of what travels has to be written out", "write the concrete type");
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.first().is_some_and(|first| first.ident == "Self") {
            let problem = "`Self` is the implementation, which only the serving application knows";
            self.errors.refuse(path, problem, "write the concrete type");
            return;
        }
        if let Some(inner) = option_of(path).and_then(null_inside) {
            let problem =
                format!("`None` and `{}` are both null on the wire, so one would arrive as the other", inner.value());
            self.errors.refuse(path, problem, inner.help());
            return;
        }
        visit::visit_path(self, path);
    }

    // The length of an array may be any expression, and none of it travels.
    fn visit_expr(&mut self, _: &'ast syn::Expr) {}

    fn visit_meta(&mut self, _: &'ast Meta) {}
}
