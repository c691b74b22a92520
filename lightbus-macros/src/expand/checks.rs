//! Checks that need to know what the user's types are, so rustc makes them.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Type};

use super::{guarded, private, respanned};
use crate::model::{Api, Attributes, Passing};

pub(super) fn items(api: &Api) -> TokenStream {
    let (schemas, results) = (schemas(api), results(api));
    quote!(#schemas #results)
}

/// A type without a schema is reported together with the derive that it lacks. The derives of generated structs would
/// only name the trait.
fn schemas(api: &Api) -> Option<TokenStream> {
    let arguments = api.methods.iter().flat_map(|method| {
        method.arguments().map(|(parameter, passing, _)| match passing {
            Passing::Value => (&method.attributes, &parameter.ty),
            Passing::Reference { lent, .. } => (&method.attributes, lent),
        })
    });
    let fields = api.events.iter().flat_map(|event| event.fields.iter().map(|field| (&event.attributes, &field.ty)));
    let mut seen = HashSet::new();
    let checks: Vec<TokenStream> = arguments
        .chain(fields)
        .filter(|(attributes, ty)| !is_built_in(ty) && seen.insert(key(&attributes.cfgs, ty)))
        .map(|(attributes, ty)| schema(api, attributes, ty))
        .collect();
    (!checks.is_empty()).then(|| quote!(const _: fn() = || { #(#checks)* };))
}

fn schema(api: &Api, attributes: &Attributes, ty: &Type) -> TokenStream {
    let span = ty.span();
    let private = respanned(private(api), span);
    guarded(attributes, quote_spanned!(span=> #private::described::<#ty>();))
}

fn key(cfgs: &[Attribute], ty: &Type) -> String {
    quote!(#(#cfgs)* #ty).to_string()
}

/// The types of most arguments and fields, which need no check.
fn is_built_in(ty: &Type) -> bool {
    const BUILT_IN: [&str; 12] =
        ["bool", "f32", "f64", "i16", "i32", "i64", "str", "String", "u16", "u32", "u64", "u8"];
    let name = ty.to_token_stream().to_string();
    BUILT_IN.contains(&name.as_str())
}

/// An alias of `Result` is not recognised by its name. As a plain value, it would reach callers as a `Result` in a
/// `Result`.
fn results(api: &Api) -> Option<TokenStream> {
    let private = private(api);
    let plain = api.methods.iter().filter(|method| method.output.result.is_none());
    let checks: Vec<TokenStream> = plain
        .filter(|method| matches!(method.output.ty, Type::Path(_)) && !is_built_in(&method.output.ty))
        .map(|method| {
            let (ty, span) = (&method.output.ty, method.output.ty.span());
            let private = respanned(private.clone(), span);
            let message = format!(
                "`{}` returns a `Result` by another name, which the macro cannot take apart. \
                 help: write `Result<T, E>` with both types",
                method.name.value
            );
            let check = quote_spanned!(span=> ::core::assert!(!#private::Returned::<#ty>::IS_RESULT, #message););
            guarded(&method.attributes, check)
        })
        .collect();
    (!checks.is_empty()).then(|| {
        quote! {
            const _: () = {
                #[allow(unused_imports)]
                use #private::IsNoResult as _;
                #(#checks)*
            };
        }
    })
}
