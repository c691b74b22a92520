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

/// The documentation as a constant expression, for the descriptor.
pub(super) fn text(docs: &[Attribute]) -> TokenStream {
    let parts = parts(docs);
    if let [] | [Part::Text(_)] = parts.as_slice() {
        let text = parts.iter().map(Part::text).collect::<String>();
        let text = text.trim();
        return quote!(#text);
    }
    let parts = parts.iter().enumerate().map(|(at, part)| {
        let separator = (at > 0).then(|| quote!(, "\n",));
        match part {
            Part::Text(text) => quote!(#separator #text),
            Part::Macro(expression) => quote!(#separator #expression),
        }
    });
    // `concat!` expands the macros that the user wrote.
    quote!(::core::concat!(#(#parts)*).trim_ascii())
}

/// A stretch of the documentation.
enum Part<'a> {
    /// Lines that the user wrote as literals.
    Text(String),
    /// `include_str!(…)` or another macro that stands for text.
    Macro(&'a Expr),
}

impl Part<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Macro(_) => "",
        }
    }
}

/// The stretches, with the literal ones unindented as rustdoc does it.
fn parts(docs: &[Attribute]) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for doc in docs {
        let Meta::NameValue(doc) = &doc.meta else { continue };
        let expression = peel(&doc.value);
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = expression else {
            parts.push(Part::Macro(expression));
            continue;
        };
        match parts.last_mut() {
            Some(Part::Text(lines)) => {
                lines.push('\n');
                lines.push_str(&text.value());
            }
            _ => parts.push(Part::Text(text.value())),
        }
    }
    let indent = parts.iter().flat_map(|part| part.text().split('\n')).filter_map(indent).min().unwrap_or_default();
    for part in &mut parts {
        if let Part::Text(text) = part {
            *text = unindented(text, indent);
        }
    }
    parts
}

/// The expression without the invisible group that `macro_rules!` leaves around it.
fn peel(mut expression: &Expr) -> &Expr {
    while let Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

/// How far a line is indented, unless it is empty.
fn indent(line: &str) -> Option<usize> {
    (!line.trim().is_empty()).then(|| line.len() - line.trim_start().len())
}

fn unindented(text: &str, indent: usize) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.get(indent..).unwrap_or_default().trim_end()).collect();
    lines.join("\n")
}

/// The note of `#[deprecated]`, which may be empty.
pub(super) fn deprecation(attributes: &[Attribute]) -> Option<String> {
    let deprecated = attributes.iter().find(|attribute| attribute.path().is_ident("deprecated"))?;
    let text = |value: &Expr| match peel(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        _ => String::new(),
    };
    let mut note = match &deprecated.meta {
        Meta::NameValue(deprecated) => text(&deprecated.value),
        _ => String::new(),
    };
    if let Meta::List(list) = &deprecated.meta {
        // What does not parse is rustc's to refuse.
        let _ = list.parse_nested_meta(|meta| {
            let value: Expr = meta.value()?.parse()?;
            if meta.path.is_ident("note") {
                note = text(&value);
            }
            Ok(())
        });
    }
    Some(note)
}
