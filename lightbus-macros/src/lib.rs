//! The attributes `#[lightbus::api]` and `#[lightbus::subscriber]`. Use them through the crate `lightbus`.
//!
//! A trait goes through this crate in one direction: `parse` turns it into a `model`, `validate` refuses what is wrong with
//! its names, and `expand` renders it. `subscriber` has the same stages for impl blocks. Refusals are collected in `errors`,
//! so one build shows all of them. Everything that was not refused is expanded, so they are the only errors.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// One value of each kind per trait: what boxes would save is not worth reading them.
#![allow(clippy::large_enum_variant)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)]

mod attrs;
mod errors;
mod expand;
#[cfg(test)]
mod goldens;
mod model;
mod names;
mod parse;
mod scope;
mod subscriber;
mod validate;

use proc_macro2::TokenStream;

use crate::errors::Errors;

#[doc = include_str!("api.md")]
#[proc_macro_attribute]
pub fn api(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expansion(arguments.into(), item.into(), expand_api).into()
}

#[doc = include_str!("subscriber.md")]
#[proc_macro_attribute]
pub fn subscriber(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expansion(arguments.into(), item.into(), subscriber::expansion).into()
}

/// What an attribute makes of its arguments and its item.
type Expand = fn(TokenStream, TokenStream, &mut Errors) -> TokenStream;

fn expansion(arguments: TokenStream, item: TokenStream, expand: Expand) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = expand(arguments, item, &mut errors);
    let mut tokens = errors.into_compile_errors();
    tokens.extend(expansion);
    tokens
}

fn expand_api(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    match parse::api(arguments, item, errors) {
        Ok(mut api) => {
            validate::validate(&mut api, errors);
            expand::api(&api)
        }
        Err(item) => item,
    }
}
