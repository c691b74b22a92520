//! The dispatcher: turns requests into calls of an implementation.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;

use super::{api_type, arguments, docs, guarded, local, private, server_type};
use crate::model::{Api, Method, Parameter, Role};

pub(super) fn item(api: &Api) -> TokenStream {
    let (visibility, ident, service) = (&api.visibility, server_type(api), service_type(api));
    let sentence = format!("Serves `{}` with an implementation of [`{}`].", api.name.value, api.ident.unraw());
    let docs = docs::headed(&sentence, &api.attributes.docs);
    let shared = &api.attributes.shared;
    guarded(
        &api.attributes,
        quote! {
            #docs
            #(#shared)*
            #[allow(dead_code)]
            #visibility struct #ident<#service> {
                service: ::std::sync::Arc<#service>,
            }
        },
    )
}

pub(super) fn impls(api: &Api) -> TokenStream {
    let (constructors, dispatch) = (constructors(api), dispatch(api));
    let (ident, service) = (server_type(api), service_type(api));
    let (name, formatter) = (ident.to_string(), local("formatter"));
    quote! {
        #constructors

        // Derived, these two would ask the same of the service.
        impl<#service> ::core::clone::Clone for #ident<#service> {
            fn clone(&self) -> Self {
                Self { service: ::std::sync::Arc::clone(&self.service) }
            }
        }

        impl<#service> ::core::fmt::Debug for #ident<#service> {
            fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #formatter.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #dispatch
    }
}

fn constructors(api: &Api) -> TokenStream {
    let (visibility, trait_, ident) = (&api.visibility, &api.ident, server_type(api));
    let (service, value) = (service_type(api), local("service"));
    quote! {
        impl<#service: #trait_> #ident<#service> {
            /// A server that answers with this implementation.
            #[must_use]
            #visibility fn new(#value: #service) -> Self {
                Self { service: ::std::sync::Arc::new(#value) }
            }

            /// A server that answers with an implementation that is also used elsewhere.
            #[must_use]
            #visibility fn from_arc(#value: ::std::sync::Arc<#service>) -> Self {
                Self { service: #value }
            }
        }
    }
}

fn dispatch(api: &Api) -> TokenStream {
    let private = private(api);
    let (trait_, ident, api_type) = (&api.ident, server_type(api), api_type(api));
    let invocation = local("invocation");
    let arms = api.methods.iter().map(|method| arm(api, method));
    // The user's types are named in here, and none of them is likely to be called so.
    quote! {
        impl<__Service: #trait_> #private::Dispatch for #ident<__Service> {
            type Api = #api_type;

            async fn dispatch(
                &self,
                #invocation: &#private::Invocation,
            ) -> ::core::result::Result<#private::Outcome, #private::Outcome> {
                ::core::result::Result::Ok(match #invocation.method() {
                    #(#arms)*
                    _ => #invocation.unknown_method(),
                })
            }
        }
    }
}

fn arm(api: &Api, method: &Method) -> TokenStream {
    let (name, trait_, ident) = (&method.name.value, &api.ident, &method.ident);
    let (invocation, answered) = (local("invocation"), local("answered"));
    let read = arguments::read(api, method);
    let parameters = method.parameters.iter().map(|each| parameter(method, each));
    // The types are written out so that errors about them are shown where the user wrote them.
    let answer = match &method.output.result {
        Some((value, error)) => quote!(result::<#value, #error>),
        None => {
            let value = &method.output.ty;
            quote!(value::<#value>)
        }
    };
    guarded(
        &method.attributes,
        quote! {
            #name => {
                #read
                // Boxed, so that a method with a large future does not make the dispatcher's future large.
                let #answered = ::std::boxed::Box::pin(<__Service as #trait_>::#ident(&*self.service #(, #parameters)*));
                #invocation.#answer(&#answered.await)
            }
        },
    )
}

fn parameter(method: &Method, parameter: &Parameter) -> TokenStream {
    match &parameter.role {
        Role::Argument { passing, .. } => arguments::pass(method, parameter, passing),
        Role::Context => {
            // A type other than the context is shown where the user wrote it.
            let spans: Vec<Span> = parameter.ty.to_token_stream().into_iter().map(|token| token.span()).collect();
            let at =
                |span: Option<&Span>| span.map_or_else(Span::mixed_site, |span| span.resolved_at(Span::mixed_site()));
            let (first, last) = (at(spans.first()), at(spans.last()));
            let invocation = Ident::new("invocation", first);
            quote_spanned!(last=> #invocation.context())
        }
    }
}

/// The name of the type parameter, which must not be the trait's own.
fn service_type(api: &Api) -> Ident {
    local(if api.ident == "T" { "S" } else { "T" })
}
