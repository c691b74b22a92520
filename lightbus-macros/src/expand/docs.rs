//! Documentation: the user's own words where there are any.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The user's documentation, or a sentence in its stead.
pub(super) fn or(docs: &[Attribute], fallback: &str) -> TokenStream {
    let fallback = (!has_words(docs)).then(|| line(fallback));
    quote!(#fallback #(#docs)*)
}

/// A sentence, and the user's documentation below it.
pub(super) fn headed(sentence: &str, docs: &[Attribute]) -> TokenStream {
    let sentence = line(sentence);
    let gap = has_words(docs).then(|| quote!(#[doc = ""]));
    quote!(#sentence #gap #(#docs)*)
}

/// Begins with a space, as the lines that stem from `///` do: rustdoc removes the indentation that all have in common.
fn line(sentence: &str) -> TokenStream {
    let sentence = format!(" {sentence}");
    quote!(#[doc = #sentence])
}

/// Whether there are words: `#[doc(hidden)]` and its like are none.
fn has_words(docs: &[Attribute]) -> bool {
    docs.iter().any(|doc| matches!(doc.meta, Meta::NameValue(_)))
}

/// The documentation as text, for the descriptor.
pub(super) fn text(docs: &[Attribute]) -> String {
    let blocks: Vec<String> = docs.iter().filter_map(literal).collect();
    let lines: Vec<&str> = blocks.iter().flat_map(|block| block.split('\n')).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let indent = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
    let lines: Vec<&str> = lines.into_iter().map(|line| line.get(indent..).unwrap_or_default().trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

fn literal(doc: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &doc.meta else { return None };
    match &doc.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        // `include_str!` and its like are for rustdoc to read.
        _ => None,
    }
}
