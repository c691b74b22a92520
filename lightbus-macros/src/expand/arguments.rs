//! The struct that carries the arguments of a method: the client encodes it, the dispatcher decodes it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::{arguments_type, field, guarded, respanned, schema_derive, serde_derives};
use crate::model::{Api, Method, Owned, Passing};

pub(super) fn item(api: &Api, method: &Method) -> TokenStream {
    let (serde, schema) = (serde_derives(api, method.ident.span()), schema_derive(api, method.ident.span()));
    // What the fault says when a caller sends something else than a map.
    let expecting = format!("a map of the arguments of {}", method.name.value);
    let ident = arguments_type(method);
    let lifetime = method.borrows().then(|| quote!(<'a>));
    let fields = method.arguments().map(|(parameter, passing, attributes)| {
        let field = field(&parameter.ident, &field_type(api, &parameter.ty, passing));
        let borrow = passing.lends_text().then(|| quote!(#[serde(borrow)]));
        quote!(#borrow #(#attributes)* #field)
    });
    guarded(
        &method.attributes,
        quote! {
            #serde
            #[serde(expecting = #expecting)]
            #schema
            struct #ident #lifetime {
                #(#fields),*
            }
        },
    )
}

/// The struct as a type that does not borrow, for the descriptor.
pub(super) fn static_type(method: &Method) -> TokenStream {
    let ident = arguments_type(method);
    let lifetime = method.borrows().then(|| quote!(<'static>));
    quote!(#ident #lifetime)
}

fn field_type(api: &Api, ty: &Type, passing: &Passing) -> TokenStream {
    let Passing::Reference { lent, owned } = passing else { return quote!(#ty) };
    // As in `field`, all of it is at the user's type.
    let span = lent.span();
    let root = &api.root;
    let root = respanned(quote!(#root), span);
    let owned = match owned {
        Owned::Same => quote_spanned!(span=> <#lent as #root::__private::Lend>::Owned),
        Owned::Text => quote_spanned!(span=> #root::__private::Text<'a>),
        Owned::Vec(element) => quote_spanned!(span=> ::std::vec::Vec<#element>),
    };
    quote_spanned!(span=> #root::__private::Argument<'a, #lent, #owned>)
}

/// The fields with the values that a client method was called with.
pub(super) fn from_parameters(method: &Method) -> TokenStream {
    let ident = arguments_type(method);
    let fields = method.arguments().map(|(parameter, passing, _)| {
        let ident = &parameter.ident;
        match passing {
            Passing::Value => quote!(#ident),
            Passing::Reference { .. } => quote!(#ident: ::core::convert::From::from(#ident)),
        }
    });
    quote!(#ident { #(#fields),* })
}

/// The fields as a pattern that binds locals of the same names.
pub(super) fn pattern(method: &Method) -> TokenStream {
    let ident = arguments_type(method);
    let fields = method.arguments().map(|(parameter, _, _)| {
        let (ident, local) = (&parameter.ident, super::local(&format!("argument_{}", parameter.ident.unraw())));
        quote!(#ident: #local)
    });
    quote!(#ident { #(#fields),* })
}
