//! `#[lightbus::subscriber]`: subscribes the methods of a type to events.
//!
//! It takes the same way as `#[lightbus::api]`: `parse` makes the `model`, `validate` refuses what is wrong with its
//! names, and `expand` renders it.

mod expand;
mod model;
mod parse;
mod validate;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Everything that is generated from an impl block, the block included.
pub(crate) fn expansion(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    match parse::subscriber(arguments, item, errors) {
        Ok(mut subscriber) => {
            validate::validate(&mut subscriber, errors);
            expand::subscriber(&subscriber)
        }
        Err(item) => item,
    }
}
