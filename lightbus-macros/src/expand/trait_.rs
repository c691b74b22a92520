//! The trait, as services implement it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, guarded};
use crate::model::{Api, Method};

pub(super) fn item(api: &Api) -> TokenStream {
    let Api { attributes, visibility, ident, supertraits, name, .. } = api;
    let docs = docs::or(&attributes.docs, &format!("The API `{}`.", name.value));
    let (shared, lints, other) = (&attributes.shared, &attributes.lints, &attributes.other);
    let supertraits = supertraits.iter();
    let methods = api.methods.iter().map(|each| method(api, each));
    guarded(
        attributes,
        quote! {
            #docs
            #(#shared)*
            #(#lints)*
            #(#other)*
            #visibility trait #ident: #(#supertraits +)* ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
            }
        },
    )
}

/// A plain `async fn` implements it. Spelled out, its future can be required to be `Send`.
fn method(api: &Api, method: &Method) -> TokenStream {
    let Method { attributes, ident, receiver, parameters, output, body, .. } = method;
    let docs = docs::or(&attributes.docs, &format!("The method `{}` of `{}`.", method.name.value, api.name.value));
    let (shared, lints, other) = (&attributes.shared, &attributes.lints, &attributes.other);
    let parameters = parameters.iter().map(|parameter| {
        let (lints, ident, ty) = (&parameter.lints, &parameter.ident, &parameter.ty);
        quote!(#(#lints)* #ident: #ty)
    });
    let output = &output.ty;
    let body = body.as_ref().map_or_else(|| quote!(;), |body| quote!({ async move #body }));
    guarded(
        attributes,
        quote! {
            #docs
            #(#shared)*
            #(#lints)*
            #(#other)*
            fn #ident(
                #receiver
                #(, #parameters)*
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send #body
        },
    )
}
