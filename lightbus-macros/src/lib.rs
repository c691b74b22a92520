//! The attribute `#[lightbus::api]`. Use it through the crate `lightbus`.
//!
//! The way of a trait through this crate: `parse` makes a `model` of it, `validate` refuses what is wrong with its names,
//! `expand` renders it. Refusals are collected in `errors`, so that one build shows all of them, and what was not refused
//! is expanded all the same, so that they are the only errors.

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
mod validate;

use proc_macro2::TokenStream;

use crate::errors::Errors;

#[doc = include_str!("api.md")]
#[proc_macro_attribute]
pub fn api(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expansion(arguments.into(), item.into()).into()
}

fn expansion(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = match parse::api(arguments, item, &mut errors) {
        Ok(mut api) => {
            validate::validate(&mut api, &mut errors);
            expand::api(&api)
        }
        Err(item) => item,
    };
    let mut tokens = errors.into_compile_errors();
    tokens.extend(expansion);
    tokens
}
