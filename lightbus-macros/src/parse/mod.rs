//! From the trait as the user wrote it to the model. What the model cannot hold is refused here; `validate` refuses the
//! rest.

mod attributes;
pub(crate) mod duration;
mod event;
mod method;
mod types;

pub(crate) use self::attributes::refuse_repeated;
pub(crate) use self::types::{is_context, peel};

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Item, ItemTrait, Path, TraitItem, TraitItemFn};

use crate::attrs::{Argument, Arguments};
use crate::errors::Errors;
use crate::model::{Api, Name};
use crate::{names, scope};

/// The API, or what to emit in its stead when no API can be made of the item.
///
/// # Errors
///
/// The item, where it should stay so that its uses do not cause further errors.
pub(crate) fn api(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Result<Api, TokenStream> {
    match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => trait_(arguments, item, errors),
        Ok(item) => {
            let found = kind_of(&item);
            let problem = format!("`#[lightbus::api]` goes on a trait, and this is {found}");
            let help =
                "declare the methods and events in a trait, and implement that trait in the application that serves it";
            errors.refuse_at(at_attribute(item.span()), problem, help);
            Err(item.into_token_stream())
        }
        Err(error) => {
            errors.push(error);
            Err(TokenStream::new())
        }
    }
}

pub(crate) fn kind_of(item: &Item) -> &'static str {
    match item {
        Item::Struct(_) => "a struct",
        Item::Enum(_) => "an enum",
        Item::Fn(_) => "a function",
        Item::Impl(_) => "an impl block",
        Item::Trait(_) => "a trait",
        Item::Mod(_) => "a module",
        Item::TraitAlias(_) => "a trait alias",
        _ => "another item",
    }
}

fn trait_(arguments: TokenStream, item: ItemTrait, errors: &mut Errors) -> Result<Api, TokenStream> {
    let (name, root) = api_arguments(arguments, &item.ident, errors);
    refuse_modifiers(&item, errors);
    let hides_a_name = refuse_hiding(&item.ident, errors);
    let generic = !item.generics.params.is_empty();
    let sorted = attributes::sort(item.attrs, errors);
    for marker in sorted.rpc.iter().chain(&sorted.event) {
        errors.refuse(marker, "this attribute belongs on a function in the trait", "move it there, or remove it");
    }
    let mut api = Api {
        attributes: sorted.attributes,
        visibility: item.vis,
        ident: item.ident,
        supertraits: item.supertraits,
        name,
        root,
        methods: Vec::new(),
        events: Vec::new(),
    };
    for item in item.items {
        match item {
            TraitItem::Fn(item) => function(item, &mut api, errors),
            other => refuse_item(&other, errors),
        }
    }
    // The methods of a generic trait name its parameters, and those of a trait called `Option` mean another `Option`.
    // Nothing that is expanded from them would compile.
    if generic || hides_a_name { Err(TokenStream::new()) } else { Ok(api) }
}

fn function(item: TraitItemFn, api: &mut Api, errors: &mut Errors) {
    let TraitItemFn { attrs, sig, default, .. } = item;
    let mut sorted = attributes::sort(attrs, errors);
    if let (Some(rpc), false) = (sorted.rpc.first(), sorted.event.is_empty()) {
        let problem = format!("`{}` is marked both `#[rpc]` and `#[event]`", sig.ident);
        errors.refuse(rpc, problem, "a method is called and an event is published: keep one of the two attributes");
        return;
    }
    refuse_repeated("#[rpc]", &sorted.rpc, errors);
    refuse_repeated("#[event]", &sorted.event, errors);
    if let Some(marker) = sorted.event.pop() {
        api.events.extend(event::parse(&marker, sorted.attributes, sig, default.as_ref(), errors));
    } else {
        let marker = sorted.rpc.pop();
        api.methods.extend(method::parse(marker.as_ref(), sorted.attributes, sig, default, errors));
    }
}

/// The API's name and the path of the crate.
fn api_arguments(tokens: TokenStream, ident: &Ident, errors: &mut Errors) -> (Name, Path) {
    const ATTRIBUTE: &str = "#[lightbus::api]";
    let before = errors.count();
    let [name, root] = Arguments::parse(ATTRIBUTE, tokens, errors).retain(["name", "crate"], errors);
    let example = format!("name = \"company.{}\"", names::snake_case(&ident.unraw().to_string()));
    if name.is_none() && errors.count() == before {
        let problem = "`#[lightbus::api]` needs the name of the API";
        errors.refuse_at(at_attribute(ident.span()), problem, format_args!("write `#[lightbus::api({example})]`"));
    }
    let name = name.and_then(|name| name.string(&example, errors));
    let name = name.map(|name| Name { value: name.value(), span: name.span() });
    // Stands in for a missing name, which has been refused, so that the rest of the trait can still be expanded.
    let name = name.unwrap_or_else(|| Name { value: "missing.name".to_owned(), span: Span::call_site() });
    let root = root.and_then(|root: Argument| root.path("crate = ::lightbus", errors));
    (name, root.unwrap_or_else(default_root))
}

/// The place of the attribute, without the note that a span of the expansion would add to the message.
pub(crate) fn at_attribute(users: Span) -> Span {
    users.located_at(Span::call_site())
}

pub(crate) fn default_root() -> Path {
    let mut root = Path::from(Ident::new("lightbus", Span::call_site()));
    root.leading_colon = Some(syn::token::PathSep::default());
    root
}

/// Whether the trait would hide a name that the whole module relies on.
fn refuse_hiding(ident: &Ident, errors: &mut Errors) -> bool {
    let meaning = scope::meaning(&ident.unraw().to_string());
    if let Some(meaning) = meaning {
        errors.refuse(ident, format_args!("the trait is called `{ident}`, which is {meaning}"), "rename the trait");
    }
    meaning.is_some()
}

fn refuse_modifiers(item: &ItemTrait, errors: &mut Errors) {
    let ident = &item.ident;
    if let Some(unsafety) = &item.unsafety {
        let problem = format!(
            "the trait `{ident}` is `unsafe`, and calls come from other processes, which cannot uphold its conditions"
        );
        errors.refuse(unsafety, problem, "remove `unsafe`");
    }
    if let Some(auto) = &item.modifiers.auto_token {
        errors.refuse(auto, format_args!("the trait `{ident}` is an auto trait"), "remove `auto`");
    }
    if !item.generics.params.is_empty() {
        let problem = format!(
            "the trait `{ident}` is generic, and an API has one fixed description that other applications read"
        );
        errors.refuse(
            &item.generics.params,
            problem,
            "write concrete types, and a trait of its own for every further API",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        let problem = format!(
            "the trait `{ident}` has a where clause, and an API has one fixed description that other applications read"
        );
        errors.refuse(clause, problem, "remove it; a bound on the implementation is written as a supertrait");
    }
}

fn refuse_item(item: &TraitItem, errors: &mut Errors) {
    let (found, help) = match item {
        TraitItem::Const(_) => ("a constant", "move it out of the trait"),
        TraitItem::Type(_) => ("an associated type", "write the concrete type in the methods that use it"),
        TraitItem::Macro(_) => ("a macro call", "write out the methods and events that it stands for"),
        _ => ("something else", "remove it"),
    };
    errors.refuse(quote!(#item), format_args!("an API consists of methods and events, and this is {found}"), help);
}
