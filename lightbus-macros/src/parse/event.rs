//! Events.

use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Block, FnArg, Ident, Path, ReturnType, Safety, Signature, Token};

use super::{method, types};
use crate::attrs::Arguments;
use crate::errors::Errors;
use crate::model::{Attributes, Event, Field, Name};
use crate::names;

/// The event, unless something about it was refused.
pub(super) fn parse(
    marker: &Attribute,
    mut attributes: Attributes,
    signature: Signature,
    body: Option<&Block>,
    errors: &mut Errors,
) -> Option<Event> {
    let before = errors.count();
    let [name, ty] = Arguments::of("#[event]", marker, errors).retain(["name", "type"], errors);
    let name = name.and_then(|name| name.string("name = \"product_registered\"", errors));
    let ty = ty.and_then(|ty| ty.ident("type = ProductRegistered", errors));
    refuse_all_but_fields(&signature, body, errors);
    let ty = ty.or_else(|| struct_name(&signature.ident, errors));
    let name = name.map_or_else(
        || Name { value: signature.ident.unraw().to_string(), span: signature.ident.span() },
        |name| Name { value: name.value(), span: name.span() },
    );
    let fields = fields(signature.inputs, errors);
    let derives = take_derives(&mut attributes, errors);
    let ty = ty.filter(|_| errors.count() == before)?;
    Some(Event { attributes, derives, name, ty, fields })
}

/// `product_registered` makes a struct `ProductRegistered`.
fn struct_name(ident: &Ident, errors: &mut Errors) -> Option<Ident> {
    let name = names::pascal_case(&ident.unraw().to_string());
    if let Ok(parsed) = syn::parse_str::<Ident>(&name) {
        // Errors about the struct are best shown at the event.
        return Some(Ident::new(&parsed.to_string(), ident.span()));
    }
    let problem = format!("no struct can be named after the event `{ident}`: {name:?} is not an identifier");
    errors.refuse(ident, problem, "name the struct with `#[event(type = …)]`");
    None
}

fn refuse_all_but_fields(signature: &Signature, body: Option<&Block>, errors: &mut Errors) {
    let ident = &signature.ident;
    let help = format!("write `#[event] fn {ident}(…);`, with the event's fields between the parentheses");
    let mut refuse = |tokens: &dyn quote::ToTokens, what: &str| {
        errors.refuse(tokens, format_args!("the event `{ident}` {what}"), &help);
    };
    if let Some(constness) = &signature.constness {
        refuse(constness, "is `const`, and an event is only declared");
    }
    if let Some(asyncness) = &signature.asyncness {
        refuse(asyncness, "is `async`, and an event is published, not called");
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        refuse(unsafety, "is `unsafe`, and an event is only declared");
    }
    if let Some(abi) = &signature.abi {
        refuse(abi, "has an ABI, and an event goes over the bus");
    }
    if !signature.generics.params.is_empty() {
        refuse(
            &signature.generics.params,
            "is generic, and an event has one fixed description that other applications read",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        refuse(clause, "has a where clause, and an event has one fixed description that other applications read");
    }
    if let Some(receiver) = signature.receiver() {
        refuse(receiver, "has a receiver, and an event is published, not called");
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        refuse(ty, "returns something, and nobody answers an event");
    }
    if let Some(variadic) = &signature.variadic {
        refuse(variadic, "is variadic");
    }
    if let Some(body) = body {
        refuse(body, "has a body, and an event is handled by those who subscribe to it");
    }
}

fn fields(inputs: impl IntoIterator<Item = FnArg>, errors: &mut Errors) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for input in inputs {
        let FnArg::Typed(input) = input else { continue };
        for attribute in &input.attrs {
            if attribute.path().is_ident("context") {
                let problem = "an event has no context";
                errors.refuse(
                    attribute,
                    problem,
                    "remove the field; a handler takes `Context` as its second parameter",
                );
            } else {
                method::refuse_condition(attribute, errors);
            }
        }
        types::refuse_field(&input.ty, errors);
        let Some(ident) = method::plain_name(&input.pat, method::Named::Field, errors) else { continue };
        let name = ident.unraw();
        if fields.iter().any(|other| other.ident.unraw() == name) {
            errors.refuse(&ident, format_args!("the event has two fields called `{name}`"), "rename one of them");
        }
        fields.push(Field { attributes: input.attrs, ident, ty: *input.ty });
    }
    fields
}

/// Takes the derives out of the attributes, without the traits that every event has anyway.
fn take_derives(attributes: &mut Attributes, errors: &mut Errors) -> Vec<Path> {
    const ALREADY: [&str; 5] = ["Debug", "Clone", "Serialize", "Deserialize", "JsonSchema"];
    let (derives, other): (Vec<_>, Vec<_>) =
        std::mem::take(&mut attributes.other).into_iter().partition(|attribute| attribute.path().is_ident("derive"));
    attributes.other = other;
    let mut paths = Vec::new();
    for derive in derives {
        match derive.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) {
            Ok(list) => paths.extend(list),
            Err(error) => errors.refuse_at(
                error.span(),
                format_args!("the derives cannot be read: {error}"),
                "write them as in `#[derive(PartialEq, Eq)]`",
            ),
        }
    }
    paths.retain(|path| !path.segments.last().is_some_and(|last| ALREADY.iter().any(|known| last.ident == known)));
    paths
}
