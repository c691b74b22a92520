//! From the impl block as the user wrote it to the model.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Lifetime, Meta, Path, ReceiverKind, ReturnType,
    Safety, Signature, Token, Type, Visibility,
};

use super::model::{Handler, Parameter, Settings, Subscriber};
use crate::attrs::Arguments;
use crate::errors::Errors;
use crate::model::Name;
use crate::names;
use crate::parse::{at_attribute, default_root, duration, is_context, kind_of, peel, refuse_repeated};

/// The subscriber, or what to emit instead when none can be made of the item.
///
/// # Errors
///
/// The item, where it should stay so that its uses do not cause further errors.
pub(super) fn subscriber(
    arguments: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Result<Subscriber, TokenStream> {
    match syn::parse2::<Item>(item) {
        Ok(Item::Impl(item)) => impl_block(arguments, item, errors),
        Ok(item) => {
            let problem = format!("`#[lightbus::subscriber]` goes on an impl block, and this is {}", kind_of(&item));
            let help = "put it on `impl Desk { … }`, and `#[on]` on the methods that handle events";
            errors.refuse_at(at_attribute(item.span()), problem, help);
            Err(item.into_token_stream())
        }
        Err(error) => {
            errors.push(error);
            Err(TokenStream::new())
        }
    }
}

fn impl_block(arguments: TokenStream, mut item: ItemImpl, errors: &mut Errors) -> Result<Subscriber, TokenStream> {
    let generated = subscriber_arguments(arguments, errors);
    let before = errors.count();
    refuse_modifiers(&item, errors);
    let state_name = state_name(&item.self_ty, errors);
    let fits = errors.count() == before;
    let mut handlers = Vec::new();
    let mut marked = false;
    for part in &mut item.items {
        match part {
            ImplItem::Fn(function) => {
                let markers = take(&mut function.attrs, "on");
                refuse_hidden(&mut function.attrs, errors);
                refuse_repeated("#[on]", &markers, errors);
                if let Some(marker) = markers.first() {
                    marked = true;
                    handlers.extend(handler(marker, function, errors));
                    // The bus asks for `async`, whether or not the handler awaits anything.
                    function.attrs.push(syn::parse_quote!(#[allow(clippy::unused_async)]));
                }
            }
            other => refuse_marker(other, errors),
        }
    }
    if !marked && errors.count() == before {
        let problem = "no method of this impl block is marked `#[on]`, so there is nothing to subscribe";
        errors.refuse(&item.self_ty, problem, "put `#[on]` on `async fn start_cover(&self, sold: ProductSold)`");
    }
    let cfgs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    let state = item.self_ty.as_ref().clone();
    // Without a type to hold, no subscriber can be generated.
    let Some(state_name) = state_name.filter(|_| fits) else { return Err(item.into_token_stream()) };
    let Generated { visibility, ident, root } = generated;
    let ident = ident.unwrap_or_else(|| format_ident!("{}Subscriber", state_name.unraw(), span = Span::call_site()));
    Ok(Subscriber { item, visibility, ident, state, state_name, cfgs, root, handlers })
}

/// What the arguments of the attribute say.
struct Generated {
    visibility: Visibility,
    ident: Option<Ident>,
    root: Path,
}

fn subscriber_arguments(tokens: TokenStream, errors: &mut Errors) -> Generated {
    let arguments = Arguments::parse("#[lightbus::subscriber]", tokens, errors);
    let [public, ident, root] = arguments.retain(["pub", "type", "crate"], errors);
    let public = public.is_some_and(|public| public.flag(errors));
    let visibility = if public { syn::parse_quote!(pub) } else { syn::parse_quote!(pub(crate)) };
    let ident = ident.and_then(|ident| ident.ident("type = DeskBilling", errors));
    let root = root.and_then(|root| root.path("crate = ::lightbus", errors)).unwrap_or_else(default_root);
    Generated { visibility, ident, root }
}

fn refuse_modifiers(item: &ItemImpl, errors: &mut Errors) {
    if let Some((path, _)) = &item.trait_ {
        let problem = "`#[lightbus::subscriber]` goes on the type's own impl block, and this one implements a trait";
        errors.refuse(path, problem, "move the handlers to `impl Desk { … }`, and put the attribute there");
    }
    if !item.generics.params.is_empty() {
        let problem = "the impl block is generic, and a subscription belongs to one concrete type";
        errors.refuse(&item.generics.params, problem, "write the concrete type, such as `impl Desk<Database>`");
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.refuse(
            clause,
            "the impl block has a where clause, and a subscription belongs to one concrete type",
            "remove it",
        );
    }
}

/// The name that the generated type is derived from.
fn state_name(ty: &Type, errors: &mut Errors) -> Option<Ident> {
    let before = errors.count();
    Borrows { errors }.visit_type(ty);
    let Type::Path(path) = peel(ty) else {
        errors.refuse(ty, "handlers belong to a named type", "write a struct of your own, such as `impl Desk`");
        return None;
    };
    let last = path.path.segments.last().map(|segment| segment.ident.clone());
    last.filter(|_| errors.count() == before)
}

/// Refuses the lifetimes of a type whose values are kept for as long as the process runs.
struct Borrows<'a> {
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            let problem =
                format!("the type borrows for `{lifetime}`, and its handlers run for as long as the process does");
            self.errors.refuse(lifetime, problem, "own what the handlers need, for instance in an `Arc`");
        }
    }
}

/// Takes the attributes of this name out of the list.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    let (taken, kept) = std::mem::take(attributes).into_iter().partition(|attribute| attribute.path().is_ident(name));
    *attributes = kept;
    taken
}

/// `#[on]` has no meaning on anything but a function.
fn refuse_marker(item: &mut ImplItem, errors: &mut Errors) {
    let attributes = match item {
        ImplItem::Const(item) => &mut item.attrs,
        ImplItem::Type(item) => &mut item.attrs,
        ImplItem::Macro(item) => &mut item.attrs,
        _ => return,
    };
    for marker in take(attributes, "on") {
        errors.refuse(marker, "`#[on]` belongs on a method that handles an event", "move it there, or remove it");
    }
}

/// The macro cannot evaluate a condition, so it would not see the handler. What is refused is removed, so that rustc does
/// not refuse it again.
fn refuse_hidden(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    attributes.retain(|attribute| {
        if !attribute.path().is_ident("cfg_attr") {
            return true;
        }
        // What does not parse is rustc's to refuse.
        let parts = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
        let hidden = parts.iter().skip(1).find(|part| part.path().is_ident("on"));
        if let Some(hidden) = hidden {
            let problem = "`on` cannot be hidden in `cfg_attr`: the macro runs before conditions are known";
            errors.refuse(hidden, problem, "put `#[cfg]` on the method, and `#[on]` beside it");
        }
        hidden.is_none()
    });
}

/// The handler, unless something about it was refused.
fn handler(marker: &Attribute, function: &mut ImplItemFn, errors: &mut Errors) -> Option<Handler> {
    let before = errors.count();
    let (name, settings) = on_arguments(marker, errors);
    refuse_qualifiers(&function.sig, errors);
    refuse_receiver(&function.sig, errors);
    let (event, parameters) = parameters(&mut function.sig, errors);
    let ident = function.sig.ident.clone();
    let name =
        name.unwrap_or_else(|| Name { value: names::kebab_case(&ident.unraw().to_string()), span: ident.span() });
    let cfgs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    let event = event.filter(|_| errors.count() == before)?;
    let result = match &function.sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    Some(Handler { cfgs, ident, name, event, result, parameters, settings })
}

fn on_arguments(marker: &Attribute, errors: &mut Errors) -> (Option<Name>, Settings) {
    let [name, retries, concurrency, timeout, dedupe] =
        Arguments::of("#[on]", marker, errors).retain(["name", "retries", "concurrency", "timeout", "dedupe"], errors);
    let name = name.and_then(|name| name.string("name = \"start-cover\"", errors));
    let retries = retries.and_then(|retries| retries.string("retries = \"1s 10s 1m\"", errors));
    let timeout = timeout.and_then(|timeout| timeout.string("timeout = \"30s\"", errors));
    let settings = Settings {
        retries: retries.and_then(|retries| duration::delays(&retries, errors)),
        concurrency: concurrency.and_then(|concurrency| concurrency.positive("concurrency = 4", errors)),
        timeout: timeout.and_then(|timeout| duration::handler_timeout(&timeout, errors)),
        dedupe: dedupe.and_then(|dedupe| dedupe.positive("dedupe = 10_000", errors)),
    };
    (name.map(|name| Name { value: name.value(), span: name.span() }), settings)
}

fn refuse_qualifiers(signature: &Signature, errors: &mut Errors) {
    let ident = &signature.ident;
    if signature.asyncness.is_none() {
        let problem = format!("the handler `{ident}` is not `async`, and the bus awaits it");
        errors.refuse(signature.fn_token, problem, format_args!("write `async fn {ident}`"));
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        let problem = format!("the handler `{ident}` is `unsafe`, and the bus cannot uphold its conditions");
        errors.refuse(unsafety, problem, "remove `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.refuse(
            abi,
            format_args!("the handler `{ident}` has an ABI, and the bus calls it from Rust"),
            "remove `extern`",
        );
    }
    if !signature.generics.params.is_empty() {
        let problem = format!("the handler `{ident}` is generic, and a subscription has one type of event");
        errors.refuse(&signature.generics.params, problem, "write the concrete type of the event");
    }
    if let Some(clause) = &signature.generics.where_clause {
        let problem = format!("the handler `{ident}` has a where clause, and a subscription has one type of event");
        errors.refuse(clause, problem, "remove it");
    }
}

fn refuse_receiver(signature: &Signature, errors: &mut Errors) {
    let ident = &signature.ident;
    let Some(receiver) = signature.receiver() else {
        let problem = format!("the handler `{ident}` has no receiver, and it is called on the value that subscribes");
        errors.refuse(ident, problem, format_args!("write `async fn {ident}(&self, …)`"));
        return;
    };
    let (problem, help) = match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return,
        ReceiverKind::Reference(_, _, Some(_)) => (
            "takes `&mut self`, and several run at a time",
            "write `&self`, and keep what changes behind a `Mutex` or in a database",
        ),
        ReceiverKind::Reference(_, Some(_), None) => ("names the lifetime of `&self`", "write `&self`"),
        ReceiverKind::Typed(..) => ("spells out the type of `self`", "write `&self`"),
        _ => ("takes `self` by value, and it is called for each event", "write `&self`"),
    };
    errors.refuse(receiver, format_args!("the handler `{ident}` {problem}"), help);
}

/// The type of the event, and where each parameter comes from. Removes `#[context]` from the signature.
fn parameters(signature: &mut Signature, errors: &mut Errors) -> (Option<Type>, Vec<Parameter>) {
    let ident = signature.ident.clone();
    let help = "a handler takes its event by value, and may take `#[context] ctx: Context`";
    let (mut event, mut parameters) = (None, Vec::new());
    let before = errors.count();
    for input in &mut signature.inputs {
        let FnArg::Typed(input) = input else { continue };
        let markers = take(&mut input.attrs, "context");
        refuse_repeated("#[context]", &markers, errors);
        let parameter = match markers.first() {
            Some(marker) => context(marker, &input.ty, errors),
            None if is_context(&input.ty) => {
                let problem = "this parameter is not the event, so it needs `#[context]`";
                errors.refuse(&input.ty, problem, "write `#[context] ctx: Context`");
                continue;
            }
            None => {
                refuse_other_than_event(&input.ty, errors);
                Parameter::Event
            }
        };
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            let problem = "`#[cfg]` on a parameter would change what the handler takes between two builds";
            errors.refuse(attribute, problem, "put `#[cfg]` on the whole method");
        }
        let is_context = |parameter: Parameter| parameter != Parameter::Event;
        if parameters.iter().any(|earlier| is_context(*earlier) == is_context(parameter)) {
            let what = if is_context(parameter) { "the context twice" } else { "two events" };
            errors.refuse(&*input, format_args!("the handler `{ident}` takes {what}"), help);
            continue;
        }
        if parameter == Parameter::Event {
            event = Some(input.ty.as_ref().clone());
        }
        parameters.push(parameter);
    }
    if event.is_none() && errors.count() == before {
        errors.refuse(&ident, format_args!("the handler `{ident}` takes no event"), help);
    }
    (event, parameters)
}

fn context(marker: &Attribute, ty: &Type, errors: &mut Errors) -> Parameter {
    if let Some(span) = marker.meta.require_path_only().err().map(|error| error.span()) {
        errors.refuse_at(span, "`#[context]` takes no arguments", "write `#[context]`");
    }
    let help = "write `#[context] ctx: Context` or `#[context] ctx: &Context`, with `use lightbus::Context`";
    match peel(ty) {
        Type::Path(_) => Parameter::Context,
        Type::Reference(reference)
            if matches!(peel(&reference.elem), Type::Path(_)) && reference.mutability.is_none() =>
        {
            Parameter::ContextReference
        }
        _ => {
            errors.refuse(ty, "this is not the context of an event", help);
            Parameter::Context
        }
    }
}

fn refuse_other_than_event(ty: &Type, errors: &mut Errors) {
    match peel(ty) {
        Type::Path(_) => {}
        Type::Reference(reference) => {
            let owned = reference.elem.to_token_stream();
            errors.refuse(
                ty,
                "a handler takes its event by value: nobody else has it",
                format_args!("write `{owned}`"),
            );
        }
        _ => errors.refuse(
            ty,
            "this is not an event",
            "write the struct that `#[event]` generated, such as `ProductSold`",
        ),
    }
}
