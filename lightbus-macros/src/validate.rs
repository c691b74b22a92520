//! Refusals that concern names: their form, and what they collide with.
//!
//! What is refused is left out of the expansion, so that everything else in the trait still exists for the code that
//! uses it.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Type};

use crate::errors::Errors;
use crate::model::{Api, Event, Method, Name, Role};
use crate::names::Named;
use crate::scope;

/// Methods that the client would hide or define twice, and why.
const RESERVED: [(&str, &str); 2] = [("new", "creates the client"), ("clone", "clones the client")];

/// Refuses what is wrong with the names of an API, and leaves it out.
pub(crate) fn validate(api: &mut Api, errors: &mut Errors) {
    if !name_is_good(&api.name, Named::Api, errors) {
        "invalid.name".clone_into(&mut api.name.value);
    }
    api.methods.retain(|method| name_is_good(&method.name, Named::Method, errors));
    api.methods.retain(|method| !is_reserved(method, errors));
    api.events.retain(|event| name_is_good(&event.name, Named::Event, errors));
    let generated = generated_types(api);
    api.events.retain(|event| !is_taken(event, &generated, errors));
    api.events.retain(|event| !hides_a_name(event, errors));
    let contexts = context_types(api);
    api.events.retain(|event| !hides_the_context(event, &contexts, errors));
    refuse_same(&mut api.methods, method_key, errors);
    refuse_same(&mut api.methods, ident_key, errors);
    refuse_same(&mut api.events, event_key, errors);
    refuse_same(&mut api.events, type_key, errors);
}

fn name_is_good(name: &Name, named: Named, errors: &mut Errors) -> bool {
    let Some(problem) = named.kind().problem(&name.value) else { return true };
    let problem = format!("{:?} cannot be used as {}: {}", name.value, named.article(), problem.describe(&name.value));
    errors.refuse_at(name.span, problem, named.help());
    false
}

fn is_reserved(method: &Method, errors: &mut Errors) -> bool {
    let ident = method.ident.unraw();
    let reserved = RESERVED.iter().find(|(reserved, _)| ident == reserved);
    if let Some((name, what)) = reserved {
        let problem = format!("a method cannot be called `{name}`: on the generated client, `{name}` {what}");
        let help =
            format!("rename it, and keep the name on the wire with `#[rpc(name = \"{name}\")]` if you need it there");
        errors.refuse(&method.ident, problem, help);
    }
    reserved.is_some()
}

/// The trait and the types that are generated beside it.
fn generated_types(api: &Api) -> Vec<String> {
    let name = api.ident.unraw().to_string();
    let generated = ["Api", "Server", "Client"].map(|suffix| format!("{name}{suffix}"));
    std::iter::once(name).chain(generated).collect()
}

fn is_taken(event: &Event, generated: &[String], errors: &mut Errors) -> bool {
    let name = event.ty.unraw().to_string();
    let taken = generated.contains(&name);
    if taken {
        let problem = format!(
            "the struct of this event would be called `{name}`, which is the name of the trait or of a type generated from it"
        );
        errors.refuse(&event.ty, problem, "name the struct with `#[event(type = …)]`, or rename the event");
    }
    taken
}

/// Whether the struct would hide a name that the whole module relies on.
fn hides_a_name(event: &Event, errors: &mut Errors) -> bool {
    let name = event.ty.unraw().to_string();
    let meaning = scope::meaning(&name);
    if let Some(meaning) = meaning {
        let problem = format!("the struct of this event would be called `{name}`, which is {meaning}");
        errors.refuse(&event.ty, problem, "name the struct with `#[event(type = …)]`");
    }
    meaning.is_some()
}

/// The names by which the methods of the trait ask for their context.
fn context_types(api: &Api) -> Vec<String> {
    let parameters = api.methods.iter().flat_map(|method| &method.parameters);
    let contexts = parameters.filter(|parameter| matches!(parameter.role, Role::Context));
    contexts.filter_map(|parameter| single_name(&parameter.ty)).collect()
}

/// `Context` of `&Context`.
fn single_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Reference(reference) => single_name(&reference.elem),
        Type::Group(group) => single_name(&group.elem),
        Type::Paren(paren) => single_name(&paren.elem),
        Type::Path(path) => path.path.get_ident().map(|ident| ident.unraw().to_string()),
        _ => None,
    }
}

fn hides_the_context(event: &Event, contexts: &[String], errors: &mut Errors) -> bool {
    let name = event.ty.unraw().to_string();
    let hides = contexts.contains(&name);
    if hides {
        let problem =
            format!("the struct of this event would be called `{name}`, as is the context that a method asks for");
        errors.refuse(&event.ty, problem, "name the struct with `#[event(type = …)]`");
    }
    hides
}

/// What two items of one kind must not share.
pub(crate) struct Key<'a> {
    pub(crate) value: String,
    pub(crate) span: Span,
    pub(crate) cfgs: &'a [Attribute],
    pub(crate) problem: &'static str,
    pub(crate) help: &'static str,
}

fn method_key(method: &Method) -> Key<'_> {
    Key {
        value: method.name.value.clone(),
        span: method.name.span,
        cfgs: &method.attributes.cfgs,
        problem: "another method already has this name on the bus",
        help: "rename one of the two, or give it a name of its own with `#[rpc(name = \"…\")]`",
    }
}

fn ident_key(method: &Method) -> Key<'_> {
    Key {
        value: method.ident.unraw().to_string(),
        span: method.ident.span(),
        cfgs: &method.attributes.cfgs,
        problem: "the trait already has a method of this name",
        help: "rename one of the two",
    }
}

fn event_key(event: &Event) -> Key<'_> {
    Key {
        value: event.name.value.clone(),
        span: event.name.span,
        cfgs: &event.attributes.cfgs,
        problem: "another event already has this name on the bus",
        help: "rename one of the two, or give it a name of its own with `#[event(name = \"…\")]`",
    }
}

fn type_key(event: &Event) -> Key<'_> {
    Key {
        value: event.ty.unraw().to_string(),
        span: event.ty.span(),
        cfgs: &event.attributes.cfgs,
        problem: "the struct of another event already has this name",
        help: "name one of the two with `#[event(type = …)]`",
    }
}

/// Refuses each item that shares its key with an earlier one.
pub(crate) fn refuse_same<T>(items: &mut Vec<T>, key: impl Fn(&T) -> Key<'_>, errors: &mut Errors) {
    let mut kept: Vec<T> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let this = key(&item);
        let clash = kept.iter().map(&key).any(|other| other.value == this.value && may_coexist(other.cfgs, this.cfgs));
        if clash {
            errors.refuse_at(this.span, format_args!("`{}`: {}", this.value, this.problem), this.help);
        } else {
            kept.push(item);
        }
    }
    *items = kept;
}

/// Whether both items can be there in one build, as far as can be told without evaluating conditions.
///
/// Without a condition an item is always there, so the other one collides whenever it is. With the same conditions they
/// come and go together. With different ones they may exclude each other; should they not, rustc finds one name taken
/// twice in the expansion.
fn may_coexist(left: &[Attribute], right: &[Attribute]) -> bool {
    let text = |cfgs: &[Attribute]| {
        let mut text: Vec<String> = cfgs.iter().map(|cfg| cfg.to_token_stream().to_string()).collect();
        text.sort_unstable();
        text
    };
    left.is_empty() || right.is_empty() || text(left) == text(right)
}
