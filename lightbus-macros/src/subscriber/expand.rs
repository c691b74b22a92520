//! From the model to tokens. Nothing in here can fail.
//!
//! The handlers become a table of constants with one function pointer each, so the bus is compiled once for all of them.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Attribute;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::model::{Handler, Parameter, Settings, Subscriber};
use crate::expand::{duration, local, respanned};

/// Everything that is generated, the impl block included.
pub(super) fn subscriber(subscriber: &Subscriber) -> TokenStream {
    let Subscriber { item, visibility, ident, state, cfgs, .. } = subscriber;
    let private = private(subscriber);
    let docs = format!(" Subscribes the handlers of [`{}`] to their events.", subscriber.state_name.unraw());
    let name = ident.to_string();
    let rows = subscriber.handlers.iter().map(|handler| row(subscriber, handler));
    let (value, formatter, bus) = (local("state"), local("formatter"), local("bus"));
    let declaration = guarded(
        cfgs,
        quote! {
            #[doc = #docs]
            #[allow(dead_code)]
            #visibility struct #ident {
                state: ::std::sync::Arc<#state>,
            }
        },
    );
    let hidden = guarded(
        cfgs,
        quote! {
            // The type of the handlers may be more private than the subscriber, and deprecated.
            #[allow(dead_code, deprecated, private_bounds, private_interfaces, unused_qualifications, unused_variables)]
            const _: () = {
                impl #ident {
                    /// Creates a subscriber whose handlers run on this value or `Arc`.
                    #[must_use]
                    #visibility fn new(#value: impl ::core::convert::Into<::std::sync::Arc<#state>>) -> Self {
                        Self { state: ::core::convert::Into::into(#value) }
                    }

                    /// Creates a subscriber whose handlers run on a value that is also used elsewhere.
                    #[must_use]
                    #visibility fn from_arc(#value: ::std::sync::Arc<#state>) -> Self {
                        Self { state: #value }
                    }
                }

                impl ::core::clone::Clone for #ident {
                    fn clone(&self) -> Self {
                        Self { state: ::std::sync::Arc::clone(&self.state) }
                    }
                }

                impl ::core::fmt::Debug for #ident {
                    fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        #formatter.debug_struct(#name).finish_non_exhaustive()
                    }
                }

                const __HANDLERS: &[#private::EventHandler<#state>] = &[#(#rows)*];

                impl #private::Subscriber for #ident {
                    fn subscribe(self, #bus: &#private::Bus) -> ::std::vec::Vec<#private::Subscribe> {
                        #private::subscribe_handlers(#bus, self.state, __HANDLERS)
                    }
                }
            };
        },
    );
    quote!(#item #declaration #hidden)
}

/// The row of one handler in the table.
fn row(subscriber: &Subscriber, handler: &Handler) -> TokenStream {
    let Handler { cfgs, ident, name, event, result, settings, .. } = handler;
    let (private, state) = (private(subscriber), &subscriber.state);
    let (value, delivered, context) = (local("state"), local("delivered"), local("context"));
    let arguments = handler.parameters.iter().map(|parameter| match parameter {
        Parameter::Event => quote!(#delivered.decode()?),
        Parameter::Context => quote!(#context),
        Parameter::ContextReference => quote!(&#context),
    });
    let name = &name.value;
    // A type that is no event is shown where the user wrote it.
    let event_span = event.span();
    let event_path = respanned(quote!(#private::EventHandler), event_span);
    let new = quote_spanned!(event_span=> #event_path::<#state>::new::<#event>);
    // So is a future that is not `Send`, or a result that no handler can have.
    let span = ident.span().resolved_at(Span::mixed_site());
    let at_ident = |tokens: TokenStream| respanned(tokens, span);
    let (pin, finish) = (at_ident(quote!(::std::boxed::Box::pin)), at_ident(quote!(#private::handled)));
    let mut method = ident.clone();
    method.set_span(result.resolved_at(ident.span()));
    let call = quote_spanned!(*result=> <#state>::#method(#value #(, #arguments)*).await);
    let body = quote_spanned!(span=> #pin(async move { #finish(#call) }));
    let settings = self::settings(settings);
    guarded(cfgs, quote!(#new(#name, |#value, #delivered, #context| #body) #settings,))
}

fn settings(settings: &Settings) -> TokenStream {
    let Settings { retries, concurrency, timeout, dedupe } = settings;
    let retries = retries.as_ref().map(|delays| {
        let delays = delays.iter().copied().map(duration);
        quote!(.with_retries(&[#(#delays),*]))
    });
    let concurrency = concurrency.map(|events| quote!(.with_concurrency(#events)));
    let timeout = timeout.map(duration).map(|timeout| quote!(.with_timeout(#timeout)));
    let dedupe = dedupe.map(|ids| quote!(.with_dedupe(#ids)));
    quote!(#retries #concurrency #timeout #dedupe)
}

fn private(subscriber: &Subscriber) -> TokenStream {
    let root = &subscriber.root;
    quote!(#root::__private)
}

fn guarded(cfgs: &[Attribute], fragment: impl ToTokens) -> TokenStream {
    quote!(#(#cfgs)* #fragment)
}
