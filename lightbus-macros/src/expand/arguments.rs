//! The arguments of a method: the client encodes them, the dispatcher decodes them.
//!
//! One after the other, where that is enough: then their types are compiled once, whatever the number of methods. Where an
//! attribute of serde or schemars asks for more than a default, a struct with the derives stands for them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, Type};

use super::{arguments_type, docs, field, guarded, local, private, respanned, schema_derive, serde_derives};
use crate::model::{Api, Method, Owned, Parameter, Passing};

/// The struct that stands for the arguments, if an attribute asks for one.
pub(super) fn item(api: &Api, method: &Method) -> Option<TokenStream> {
    has_struct(method).then(|| derived(api, method))
}

/// Whether the derives of serde and schemars have to see the arguments.
fn has_struct(method: &Method) -> bool {
    let is_derived = |attribute: &Attribute| !attribute.path().is_ident("doc") && !is_default(attribute);
    method.arguments().any(|(_, _, attributes)| attributes.iter().any(is_derived))
}

/// Whether it is `#[serde(default)]`, which needs no derive.
fn is_default(attribute: &Attribute) -> bool {
    attribute.path().is_ident("serde") && attribute.parse_args::<Ident>().is_ok_and(|argument| argument == "default")
}

fn derived(api: &Api, method: &Method) -> TokenStream {
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

/// The schema of the arguments, for the descriptor.
pub(super) fn schema(api: &Api, method: &Method) -> TokenStream {
    let private = private(api);
    if has_struct(method) {
        let ident = arguments_type(method);
        let lifetime = method.borrows().then(|| quote!(<'static>));
        return quote!(#private::ArgumentsSchema::Struct(#private::inline::<#ident #lifetime>));
    }
    let arguments = method.arguments().map(|(parameter, passing, attributes)| {
        let (name, docs) = (name(parameter), docs::text(attributes));
        let owned = owned_type(api, &parameter.ty, passing, &quote!('static));
        let has_default = attributes.iter().any(is_default);
        let property = if has_default { quote!(property_or_default) } else { quote!(property) };
        quote!((#name, #docs, #private::#property::<#owned>))
    });
    quote!(#private::ArgumentsSchema::Each(&[#(#arguments),*]))
}

/// What is decoded: each argument by its name, or the struct that stands for all of them.
pub(super) fn decoded(api: &Api, method: &Method) -> Vec<(Option<String>, TokenStream)> {
    if has_struct(method) {
        let ident = arguments_type(method);
        let lifetime = method.borrows().then(|| quote!(<'_>));
        return vec![(None, quote!(#ident #lifetime))];
    }
    // Text is text: there is nothing to find out about it.
    let arguments = method.arguments().filter(|(_, passing, _)| !passing.lends_text());
    arguments
        .map(|(parameter, passing, _)| (Some(name(parameter)), owned_type(api, &parameter.ty, passing, &quote!('_))))
        .collect()
}

/// Statements by which a client writes what it was called with, and the expression of the result.
pub(super) fn write(api: &Api, method: &Method) -> (TokenStream, TokenStream) {
    let private = private(api);
    if has_struct(method) {
        let arguments = from_parameters(method);
        return (TokenStream::new(), quote!(#private::Arguments::of(&#arguments)));
    }
    let arguments = local("arguments");
    let count = method.arguments().count();
    let writes = method.arguments().map(|(parameter, passing, _)| {
        let (name, ident, ty) = (name(parameter), &parameter.ident, &parameter.ty);
        match passing {
            Passing::Value => quote!(#arguments.write::<#ty>(#name, &#ident);),
            Passing::Reference { lent, .. } => quote!(#arguments.write::<#lent>(#name, #ident);),
        }
    });
    let mutable = (count > 0).then(|| quote!(mut));
    let statements = quote! {
        let #mutable #arguments = #private::Arguments::new(#count);
        #(#writes)*
    };
    (statements, quote!(#arguments))
}

/// Statements by which the dispatcher binds a local for each argument.
pub(super) fn read(api: &Api, method: &Method) -> TokenStream {
    let invocation = local("invocation");
    if has_struct(method) {
        let pattern = pattern(method);
        return quote!(let #pattern = #invocation.arguments()?;);
    }
    let names = method.arguments().map(|(parameter, ..)| name(parameter));
    let locals: Vec<Ident> = method.arguments().map(|(parameter, ..)| bound(parameter)).collect();
    let decodes = method.arguments().zip(&locals).map(|((parameter, passing, attributes), local)| {
        let owned = owned_type(api, &parameter.ty, passing, &quote!('_));
        let has_default = attributes.iter().any(is_default);
        let decode = if has_default { quote!(decode_or_default) } else { quote!(decode) };
        quote!(let #local = #local.#decode::<#owned>()?;)
    });
    quote! {
        let [#(#locals),*] = #invocation.fields([#(#names),*])?;
        #(#decodes)*
    }
}

/// What the dispatcher passes to the method for an argument.
pub(super) fn pass(method: &Method, parameter: &Parameter, passing: &Passing) -> TokenStream {
    let local = bound(parameter);
    match passing {
        Passing::Value => quote!(#local),
        Passing::Reference { .. } if has_struct(method) => quote!(&*#local),
        Passing::Reference { lent, .. } => quote!(::core::borrow::Borrow::<#lent>::borrow(&#local)),
    }
}

fn name(parameter: &Parameter) -> String {
    parameter.ident.unraw().to_string()
}

/// The local of the dispatcher that holds an argument.
fn bound(parameter: &Parameter) -> Ident {
    local(&format!("argument_{}", parameter.ident.unraw()))
}

/// What the dispatcher decodes.
fn owned_type(api: &Api, ty: &Type, passing: &Passing, lifetime: &TokenStream) -> TokenStream {
    let Passing::Reference { lent, owned } = passing else { return quote!(#ty) };
    // As in `field`, all of it is at the user's type.
    let span = lent.span();
    let private = respanned(private(api), span);
    match owned {
        Owned::Same => quote_spanned!(span=> <#lent as #private::Lend>::Owned),
        Owned::Text => {
            let lifetime = respanned(lifetime.clone(), span);
            quote_spanned!(span=> #private::StrArgument<#lifetime>)
        }
        Owned::Vec(element) => quote_spanned!(span=> ::std::vec::Vec<#element>),
    }
}

fn field_type(api: &Api, ty: &Type, passing: &Passing) -> TokenStream {
    let owned = owned_type(api, ty, passing, &quote!('a));
    let Passing::Reference { lent, .. } = passing else { return owned };
    let private = respanned(private(api), lent.span());
    quote_spanned!(lent.span()=> #private::Argument<'a, #lent, #owned>)
}

/// The fields with the values that a client method was called with.
fn from_parameters(method: &Method) -> TokenStream {
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
fn pattern(method: &Method) -> TokenStream {
    let ident = arguments_type(method);
    let fields = method.arguments().map(|(parameter, _, _)| {
        let (ident, local) = (&parameter.ident, bound(parameter));
        quote!(#ident: #local)
    });
    quote!(#ident { #(#fields),* })
}
