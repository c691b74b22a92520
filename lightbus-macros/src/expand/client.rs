//! The client: a method for each method of the API.

use proc_macro2::TokenStream;
use quote::quote;

use super::{allowing, api_type, arguments, client_type, docs, guarded, local, method_descriptor, private};
use crate::model::{Api, Method};

pub(super) fn item(api: &Api) -> TokenStream {
    let (visibility, ident, private) = (&api.visibility, client_type(api), private(api));
    let docs = docs::headed(&format!("Calls the methods of `{}`.", api.name.value), &api.attributes.docs);
    let shared = &api.attributes.shared;
    guarded(
        &api.attributes,
        quote! {
            #docs
            #(#shared)*
            #[allow(dead_code)]
            #[derive(::core::fmt::Debug, ::core::clone::Clone)]
            #visibility struct #ident {
                client: #private::Client,
            }
        },
    )
}

pub(super) fn impls(api: &Api) -> TokenStream {
    let (visibility, ident, private) = (&api.visibility, client_type(api), private(api));
    let (api_type, bus, layer) = (api_type(api), local("bus"), local("layer"));
    let methods = api.methods.iter().map(|each| method(api, each));
    quote! {
        impl #ident {
            /// A client that calls over this bus.
            #[must_use]
            #visibility fn new(#bus: &#private::Bus) -> Self {
                Self { client: #private::client(#bus, <#api_type as #private::Api>::DESCRIPTOR) }
            }

            #(#methods)*
        }

        impl #private::Layered for #ident {
            fn layer(self, #layer: impl #private::Layer) -> Self {
                Self { client: self.client.layer(#layer) }
            }
        }
    }
}

fn method(api: &Api, method: &Method) -> TokenStream {
    let (visibility, private) = (&api.visibility, private(api));
    let docs = docs::or(&method.attributes.docs, &format!("Calls `{}` of `{}`.", method.name.value, api.name.value));
    let (shared, lints) = (&method.attributes.shared, allowing(&method.attributes.lints));
    let (ident, descriptor) = (&method.ident, method_descriptor(method));
    let parameters = method.arguments().map(|(parameter, _, _)| {
        let (lints, ident, ty) = (allowing(&parameter.lints), &parameter.ident, &parameter.ty);
        quote!(#(#lints)* #ident: #ty)
    });
    let (statements, arguments) = arguments::write(api, method);
    // The types are written out so that errors about them are shown where the user wrote them.
    let (returns, call) = match &method.output.result {
        Some((value, error)) => (quote!(#value, #error), quote!(call_fallible::<#value, #error>)),
        None => {
            let value = &method.output.ty;
            (quote!(#value), quote!(call::<#value>))
        }
    };
    guarded(
        &method.attributes,
        quote! {
            #docs
            #(#shared)*
            #(#lints)*
            #visibility fn #ident(&self #(, #parameters)*) -> #private::Call<#returns> {
                #statements
                self.client.#call(#descriptor, #arguments)
            }
        },
    )
}
