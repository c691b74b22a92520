//! Compares expansions with the committed ones in `lightbus-codegen-tests/tests/expand`.
//!
//! The test is in here because a proc-macro crate exports nothing but macros. After a change that is meant to alter
//! expansions, run it with `LIGHTBUS_UPDATE_GOLDENS=1` and read the difference.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item, Meta};

#[test]
fn expansions_are_the_committed_ones() -> Result<(), Box<dyn std::error::Error>> {
    let update = env::var_os("LIGHTBUS_UPDATE_GOLDENS").is_some_and(|value| value == "1");
    let inputs = inputs()?;
    assert!(!inputs.is_empty(), "there are no inputs in tests/expand");
    for input in inputs {
        let expanded = expand(&fs::read_to_string(&input)?)?;
        let golden = input.with_extension("expanded.rs");
        if update {
            fs::write(&golden, &expanded)?;
        }
        let committed = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(
            expanded,
            committed,
            "the expansion of {} has changed. If that is meant, run the test again with LIGHTBUS_UPDATE_GOLDENS=1",
            input.display()
        );
    }
    Ok(())
}

fn inputs() -> io::Result<Vec<PathBuf>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lightbus-codegen-tests/tests/expand");
    let mut inputs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_golden =
            path.file_stem().is_some_and(|stem| Path::new(stem).extension() == Some(OsStr::new("expanded")));
        if path.extension() == Some(OsStr::new("rs")) && !is_golden {
            inputs.push(path);
        }
    }
    inputs.sort();
    Ok(inputs)
}

/// Expands the items in a file that have one of the attributes, and leaves the rest of it as it is.
fn expand(source: &str) -> syn::Result<String> {
    let mut file = syn::parse_file(source)?;
    let mut expanded = Vec::new();
    for mut item in std::mem::take(&mut file.items) {
        let attribute = match &mut item {
            Item::Trait(item) => take(&mut item.attrs, "api").map(|taken| (taken, crate::expand_api as crate::Expand)),
            Item::Impl(item) => {
                take(&mut item.attrs, "subscriber").map(|taken| (taken, crate::subscriber::expansion as crate::Expand))
            }
            _ => None,
        };
        let Some((arguments, expand)) = attribute else {
            expanded.push(item);
            continue;
        };
        let tokens = crate::expansion(arguments, item.into_token_stream(), expand);
        expanded.extend(syn::parse2::<syn::File>(tokens)?.items);
    }
    file.items = expanded;
    Ok(prettyplease::unparse(&file))
}

/// Takes the attribute off the item, and returns its arguments.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<TokenStream> {
    let is_ours = |path: &syn::Path| path.segments.last().is_some_and(|last| last.ident == name);
    let position = attributes.iter().position(|attribute| is_ours(attribute.path()))?;
    match attributes.remove(position).meta {
        Meta::List(list) => Some(list.tokens),
        Meta::Path(_) | Meta::NameValue(_) => Some(TokenStream::new()),
    }
}
