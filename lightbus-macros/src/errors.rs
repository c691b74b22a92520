//! The refusals of one expansion, collected so that one build shows them all.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The refusals so far.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Refuses these tokens: what is wrong with them, and what to write instead.
    pub(crate) fn refuse(&mut self, tokens: impl ToTokens, problem: impl Display, help: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message(problem, help)));
    }

    /// Refuses what stands at this span.
    pub(crate) fn refuse_at(&mut self, span: Span, problem: impl Display, help: impl Display) {
        self.0.push(syn::Error::new(span, message(problem, help)));
    }

    /// Takes over an error of the parser.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// How many there are: a caller compares two counts to learn whether anything was refused in between.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}

fn message(problem: impl Display, help: impl Display) -> String {
    format!("{problem}\nhelp: {help}")
}
