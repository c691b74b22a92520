//! Methods.

use std::time::Duration;

use syn::ext::IdentExt;
use syn::{Attribute, Block, FnArg, Ident, Pat, PatType, Receiver, ReceiverKind, Safety, Signature, Type};

use super::{attributes, duration, types};
use crate::attrs::Arguments;
use crate::errors::Errors;
use crate::model::{Attributes, Method, Name, Parameter, Role};
use crate::names;

/// What `#[rpc(…)]` says.
#[derive(Default)]
struct Rpc {
    name: Option<Name>,
    timeout: Option<Duration>,
    idempotent: bool,
}

/// The method, unless something about it was refused.
pub(super) fn parse(
    rpc: Option<&Attribute>,
    attributes: Attributes,
    signature: Signature,
    body: Option<Block>,
    errors: &mut Errors,
) -> Option<Method> {
    let before = errors.count();
    let rpc = rpc.map(|rpc| rpc_arguments(rpc, errors)).unwrap_or_default();
    refuse_qualifiers(&signature, errors);
    let receiver = receiver(&signature, errors);
    let output = types::output(signature.output, errors);
    let parameters = parameters(signature.inputs, errors);
    let name =
        rpc.name.unwrap_or_else(|| Name { value: signature.ident.unraw().to_string(), span: signature.ident.span() });
    let receiver = receiver.filter(|_| errors.count() == before)?;
    Some(Method {
        attributes,
        ident: signature.ident,
        name,
        receiver,
        parameters,
        output: output?,
        body,
        timeout: rpc.timeout,
        idempotent: rpc.idempotent,
    })
}

fn rpc_arguments(attribute: &Attribute, errors: &mut Errors) -> Rpc {
    let arguments = Arguments::of("#[rpc]", attribute, errors);
    let [name, timeout, idempotent] = arguments.retain(["name", "timeout", "idempotent"], errors);
    let name = name.and_then(|name| name.string("name = \"check\"", errors));
    let timeout = timeout.and_then(|timeout| timeout.string("timeout = \"2s\"", errors));
    Rpc {
        name: name.map(|name| Name { value: name.value(), span: name.span() }),
        timeout: timeout.and_then(|timeout| duration::timeout(&timeout, errors)),
        idempotent: idempotent.is_some_and(|idempotent| idempotent.flag(errors)),
    }
}

fn refuse_qualifiers(signature: &Signature, errors: &mut Errors) {
    let ident = &signature.ident;
    if let Some(constness) = &signature.constness {
        errors.refuse(
            constness,
            format_args!("`{ident}` is a `const fn`, and a call goes to another process"),
            "remove `const`",
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        let problem =
            format!("`{ident}` is `unsafe`, and its callers are other processes, which cannot uphold its conditions");
        errors.refuse(unsafety, problem, "remove `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.refuse(abi, format_args!("`{ident}` has an ABI, and a call goes over the bus"), "remove `extern`");
    }
    if signature.asyncness.is_none() {
        refuse_not_async(signature, errors);
    }
    if !signature.generics.params.is_empty() {
        let problem =
            format!("`{ident}` is generic, and a method has one fixed description that other applications read");
        errors.refuse(&signature.generics.params, problem, "write concrete types; references need no named lifetime");
    }
    if let Some(clause) = &signature.generics.where_clause {
        let problem = format!(
            "`{ident}` has a where clause, and a method has one fixed description that other applications read"
        );
        errors.refuse(clause, problem, "remove it");
    }
    if let Some(variadic) = &signature.variadic {
        errors.refuse(variadic, format_args!("`{ident}` is variadic"), "write a `Vec<T>` argument");
    }
}

fn refuse_not_async(signature: &Signature, errors: &mut Errors) {
    let ident = &signature.ident;
    if signature.receiver().is_some() {
        let problem = format!("`{ident}` is not `async`, and a call goes to another process");
        errors.refuse(signature.fn_token, problem, format_args!("write `async fn {ident}`"));
    } else {
        let problem = format!("`{ident}` is neither an `async` method nor marked `#[event]`");
        let help = format!("write `async fn {ident}(&self, …)` for a method, or put `#[event]` in front for an event");
        errors.refuse(signature.fn_token, problem, help);
    }
}

fn receiver(signature: &Signature, errors: &mut Errors) -> Option<Receiver> {
    let ident = &signature.ident;
    let Some(receiver) = signature.receiver() else {
        // The message on a missing `async` covers it.
        if signature.asyncness.is_some() {
            let problem =
                format!("`{ident}` has no receiver, and a method is called on the service that implements the API");
            errors.refuse(ident, problem, format_args!("write `async fn {ident}(&self, …)`"));
        }
        return None;
    };
    for attribute in &receiver.attrs {
        errors.refuse(attribute, "`&self` takes no attributes", "remove it");
    }
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return Some(receiver.clone()),
        ReceiverKind::Reference(_, _, Some(_)) => {
            let problem = format!("`{ident}` takes `&mut self`, and one service answers many calls at the same time");
            errors.refuse(receiver, problem, "write `&self`, and keep what changes behind a `Mutex` or in a database");
        }
        ReceiverKind::Reference(_, Some(_), None) => {
            errors.refuse(receiver, "the receiver has a named lifetime", "write `&self`")
        }
        ReceiverKind::Typed(..) => errors.refuse(receiver, "the type of the receiver is spelled out", "write `&self`"),
        _ => {
            let problem = format!("`{ident}` does not take `&self`, and one service answers many calls");
            errors.refuse(receiver, problem, "write `&self`");
        }
    }
    None
}

fn parameters(inputs: impl IntoIterator<Item = FnArg>, errors: &mut Errors) -> Vec<Parameter> {
    let mut has_context = false;
    let mut parameters: Vec<Parameter> = Vec::new();
    for input in inputs {
        let FnArg::Typed(input) = input else { continue };
        let Some(parameter) = parameter(input, &mut has_context, errors) else { continue };
        let name = parameter.ident.unraw();
        if parameters.iter().any(|other| other.ident.unraw() == name) {
            errors.refuse(
                &parameter.ident,
                format_args!("the method has two arguments called `{name}`"),
                "rename one of them",
            );
        }
        parameters.push(parameter);
    }
    parameters
}

fn parameter(input: PatType, has_context: &mut bool, errors: &mut Errors) -> Option<Parameter> {
    let (context, rest): (Vec<_>, Vec<_>) =
        input.attrs.into_iter().partition(|attribute| attribute.path().is_ident("context"));
    let (lints, field): (Vec<_>, Vec<_>) = rest.into_iter().partition(attributes::is_lint);
    let ident = plain_name(&input.pat, Named::Argument, errors);
    let Some(context) = context.first() else {
        refuse_unknown(&field, errors);
        if types::is_context(&input.ty) {
            let problem = "the caller does not send the context, so this parameter needs `#[context]`";
            let help = "write `#[context] ctx: &Context`; for a type of your own that is called `Context`, write its \
                        path, such as `crate::Context`";
            errors.refuse(&input.ty, problem, help);
            return None;
        }
        let passing = types::passing(&input.ty, errors);
        let (ident, passing) = (ident?, passing?);
        types::refuse_codecs_of_reference(&passing, &field, errors);
        return Some(Parameter { lints, ident, ty: *input.ty, role: Role::Argument { passing, field } });
    };
    for attribute in &field {
        errors.refuse(attribute, "the context is not sent, so this attribute has no effect", "remove it");
    }
    if let Some(span) = context.meta.require_path_only().err().map(|error| error.span()) {
        errors.refuse_at(span, "`#[context]` takes no arguments", "write `#[context]`");
    }
    if std::mem::replace(has_context, true) {
        let problem = "the method takes the context twice";
        errors.refuse(context, problem, "remove one of the two; it is the same one");
    }
    refuse_other_than_context(&input.ty, errors);
    Some(Parameter { lints, ident: ident?, ty: *input.ty, role: Role::Context })
}

/// `&Context`, whatever the user's name for that type may be.
fn refuse_other_than_context(ty: &Type, errors: &mut Errors) {
    let is_context = match types::peel(ty) {
        Type::Reference(reference) => {
            reference.mutability.is_none()
                && reference.lifetime.is_none()
                && matches!(types::peel(&reference.elem), Type::Path(_))
        }
        _ => false,
    };
    if !is_context {
        let help = "write `#[context] ctx: &Context`, with `use lightbus::Context`";
        errors.refuse(ty, "the dispatcher lends the context", help);
    }
}

/// What a pattern gives a name to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Argument,
    Field,
}

/// The name of an argument or of a field, when its pattern is one.
pub(super) fn plain_name(pattern: &Pat, named: Named, errors: &mut Errors) -> Option<Ident> {
    let is_argument = named == Named::Argument;
    let help = match pattern {
        Pat::Ident(pattern) if pattern.subpat.is_none() => {
            if pattern.by_ref.is_none() && pattern.mutability.is_none() {
                return Some(pattern.ident.clone());
            }
            let still = if is_argument { "; the implementation may still add to it" } else { "" };
            format!("write `{}`{still}", pattern.ident)
        }
        Pat::Wild(_) => "give it a name: what travels is a map of names to values".to_owned(),
        _ if is_argument => "give it one name, and take it apart in the implementation".to_owned(),
        _ => "give it one name, or write a field for each part".to_owned(),
    };
    let what = if is_argument { "an argument" } else { "a field of an event" };
    errors.refuse(pattern, format_args!("{what} needs a plain name"), help);
    None
}

/// The field that carries an argument has these derives, so attributes of others would reach nobody.
fn refuse_unknown(attributes: &[Attribute], errors: &mut Errors) {
    const KNOWN: [&str; 6] = ["serde", "schemars", "validate", "garde", "doc", "context"];
    for attribute in attributes {
        if refuse_condition(attribute, errors) || KNOWN.iter().any(|known| attribute.path().is_ident(known)) {
            continue;
        }
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let help = match names::closest(&name, &KNOWN) {
            Some(closest) => format!("did you mean `#[{closest}]`?"),
            None => "an argument takes `#[context]`, `#[serde(…)]`, `#[schemars(…)]`, docs and lint levels".to_owned(),
        };
        errors.refuse(attribute, "this attribute has no meaning on an argument", help);
    }
}

/// Whether the attribute is a condition, which neither arguments nor the fields of events may have.
pub(super) fn refuse_condition(attribute: &Attribute, errors: &mut Errors) -> bool {
    let condition = ["cfg", "cfg_attr"].into_iter().find(|name| attribute.path().is_ident(name));
    if let Some(name) = condition {
        let problem = format!(
            "`#[{name}]` on a part of a method or an event would change what goes over the wire between two builds"
        );
        errors.refuse(attribute, problem, "put `#[cfg]` on the whole method or event, or make the part an `Option`");
    }
    condition.is_some()
}
