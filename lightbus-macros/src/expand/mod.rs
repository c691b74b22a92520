//! From the model to tokens. Nothing in here can fail.
//!
//! What users see stands beside the trait. Everything else is inside one anonymous constant, where it can be reached by
//! nobody; its names start with `__`, so that they do not hide the user's own.

mod arguments;
mod checks;
mod client;
mod descriptor;
mod docs;
mod events;
mod server;
mod trait_;

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Ident};

use crate::model::{Api, Attributes, Event, Method, Name};

/// Everything that is generated from an API, the trait included.
pub(crate) fn api(api: &Api) -> TokenStream {
    let visible = [trait_::item(api), descriptor::item(api), server::item(api), client::item(api)];
    let event_types = api.events.iter().map(|event| events::item(api, event));
    let arguments = api.methods.iter().filter_map(|method| arguments::item(api, method));
    let checks = checks::items(api);
    let descriptors = descriptor::impls(api);
    let event_impls = api.events.iter().map(|event| events::impls(api, event));
    let client = client::impls(api);
    let server = server::impls(api);
    let methods = api.methods.iter().map(|method| ("method", &method.name, &method.attributes));
    let events = api.events.iter().map(|event| ("event", &event.name, &event.attributes));
    let claims = claims(methods).chain(claims(events));
    let lints = allowing(&api.attributes.lints);
    let hidden = guarded(
        &api.attributes,
        quote! {
            // The names in here are made of the user's, and deprecated items have to be expanded like all others.
            #[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
            #(#lints)*
            const _: () = {
                // The derive of schemars calls `into`, and a user's crate may have no prelude.
                #[allow(unused_imports)]
                use ::core::convert::Into as _;
                #(#claims)*
                #checks
                #(#arguments)*
                #descriptors
                #(#event_impls)*
                #client
                #server
            };
        },
    );
    quote! {
        #(#visible)*
        #(#event_types)*
        #hidden
    }
}

/// Items that share a name on the wire under different conditions each claim the name, so that conditions that hold
/// together are an error, shown where the user wrote the name.
fn claims<'a>(
    items: impl Iterator<Item = (&'a str, &'a Name, &'a Attributes)> + Clone,
) -> impl Iterator<Item = TokenStream> {
    items.clone().filter_map(move |(kind, name, attributes)| {
        let shared = items.clone().filter(|(_, other, _)| other.value == name.value).count() > 1;
        let span = name.span.resolved_at(Span::call_site());
        let claim = Ident::new(&format!("__{kind}_{}", name.value), span);
        shared.then(|| guarded(attributes, quote_spanned!(span=> struct #claim;)))
    })
}

/// Puts the conditions of the user's item on one fragment that is made of it: an item, a match arm, an element of a list.
fn guarded(attributes: &Attributes, fragment: TokenStream) -> TokenStream {
    let cfgs = &attributes.cfgs;
    quote!(#(#cfgs)* #fragment)
}

/// The lint levels for a copy of what the user wrote: what is allowed there is allowed here, and nothing is expected,
/// because the lint fires in the original.
fn allowing(lints: &[Attribute]) -> impl Iterator<Item = TokenStream> {
    lints.iter().filter_map(|lint| {
        let allows = lint.path().is_ident("allow") || lint.path().is_ident("expect");
        let list = lint.meta.require_list().ok().filter(|_| allows)?;
        let lints = &list.tokens;
        Some(quote!(#[allow(#lints)]))
    })
}

/// Where the runtime keeps what generated code names.
fn private(api: &Api) -> TokenStream {
    let root = &api.root;
    quote!(#root::__private)
}

/// The derives that let a type travel.
///
/// What they generate is a mixture of their own tokens and the user's. rustc shows errors in such a mixture where the
/// derive stands, so it stands at a place of the user's.
fn serde_derives(api: &Api, span: Span) -> TokenStream {
    let private = respanned(private(api), span);
    let path = path_text(api, "serde");
    quote_spanned! {span=>
        #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
        #[serde(crate = #path)]
    }
}

/// The derive that describes a type, placed as `serde_derives` are.
fn schema_derive(api: &Api, span: Span) -> TokenStream {
    let private = respanned(private(api), span);
    let path = path_text(api, "schemars");
    quote_spanned! {span=>
        #[derive(#private::schemars::JsonSchema)]
        #[schemars(crate = #path)]
    }
}

/// A field without its attributes.
///
/// Derives show errors at a field from its first token to its last. If one of the tokens were the macro's, rustc would
/// show the attribute instead.
fn field(ident: &Ident, ty: &impl ToTokens) -> TokenStream {
    quote_spanned!(ident.span()=> #ident: #ty)
}

/// The same tokens at another place.
pub(crate) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(at_place).collect()
}

/// A duration as a constant expression.
pub(crate) fn duration(duration: Duration) -> TokenStream {
    // The parser made sure that it fits.
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#milliseconds))
}

/// Where a crate is, in the form that its derives want.
fn path_text(api: &Api, name: &str) -> String {
    format!("{}::{name}", private(api).to_string().replace(' ', ""))
}

fn beside(api: &Api, suffix: &str) -> Ident {
    format_ident!("{}{suffix}", api.ident.unraw(), span = Span::call_site())
}

fn api_type(api: &Api) -> Ident {
    beside(api, "Api")
}

fn server_type(api: &Api) -> Ident {
    beside(api, "Server")
}

fn client_type(api: &Api) -> Ident {
    beside(api, "Client")
}

/// The struct that carries the arguments of a method.
fn arguments_type(method: &Method) -> Ident {
    format_ident!("__{}_arguments", method.ident.unraw(), span = Span::call_site())
}

fn method_descriptor(method: &Method) -> Ident {
    format_ident!("__{}_method", method.ident.unraw(), span = Span::call_site())
}

fn event_descriptor(event: &Event) -> Ident {
    format_ident!("__{}_event", event.ty.unraw(), span = Span::call_site())
}

/// An identifier of generated code that no identifier of the user's can be confused with.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
