//! The description of the API, in constants.

use proc_macro2::TokenStream;
use quote::quote;

use super::{api_type, arguments, docs, duration, event_descriptor, guarded, local, method_descriptor, private};
use crate::model::{Api, Attributes, Event, Method};

pub(super) fn item(api: &Api) -> TokenStream {
    let (visibility, ident) = (&api.visibility, api_type(api));
    let sentence =
        format!("The description of `{}`: its name, its methods, its events and their schema.", api.name.value);
    let docs = docs::headed(&sentence, &api.attributes.docs);
    let shared = &api.attributes.shared;
    guarded(
        &api.attributes,
        quote! {
            #docs
            #(#shared)*
            #[allow(dead_code)]
            #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
            #visibility struct #ident;
        },
    )
}

pub(super) fn impls(api: &Api) -> TokenStream {
    let (private, ident) = (private(api), api_type(api));
    let (name, docs) = (&api.name.value, docs::text(&api.attributes.docs));
    let methods = api.methods.iter().map(|each| method(api, each));
    let events = api.events.iter().map(|each| event(api, each));
    let method_list = api.methods.iter().map(|method| {
        let constant = method_descriptor(method);
        guarded(&method.attributes, quote!(#constant,))
    });
    let event_list = api.events.iter().map(|event| {
        let constant = event_descriptor(event);
        guarded(&event.attributes, quote!(#constant,))
    });
    let probes = api.methods.iter().map(|each| method_probes(api, each));
    let probes = probes.chain(api.events.iter().map(|each| event_probe(api, each)));
    quote! {
        #(#methods)*
        #(#events)*
        impl #private::Api for #ident {
            const DESCRIPTOR: &'static #private::ApiDescriptor =
                &#private::ApiDescriptor::new(#name, #docs, &[#(#method_list)*], &[#(#event_list)*])
                    .with_version(::core::option_env!("CARGO_PKG_VERSION"));
            const PROBES: &'static [#private::Probe] = &[#(#probes)*];
        }
    }
}

/// The decoders of a method's types. Only making a schema compiles them.
fn method_probes(api: &Api, method: &Method) -> TokenStream {
    let (private, name, output) = (private(api), &method.name.value, &method.output);
    let value = output.value();
    let answer = run(api, &quote!(#value));
    let answer = quote!(#private::Probe::new(#name, #private::Part::Answer, #answer),);
    let error = output.result.as_ref().map(|(_, error)| {
        let error = run(api, &quote!(#error));
        quote!(#private::Probe::new(#name, #private::Part::Error, #error),)
    });
    let arguments = arguments::decoded(api, method).into_iter().map(|(argument, ty)| {
        let decoder = run(api, &ty);
        match argument {
            Some(argument) => quote!(#private::Probe::argument(#name, #argument, #decoder),),
            None => quote!(#private::Probe::new(#name, #private::Part::Arguments, #decoder),),
        }
    });
    arguments.chain([answer]).chain(error).map(|entry| guarded(&method.attributes, entry)).collect()
}

fn event_probe(api: &Api, event: &Event) -> TokenStream {
    let (private, name, ty) = (private(api), &event.name.value, &event.ty);
    let decoder = run(api, &quote!(#ty));
    guarded(&event.attributes, quote!(#private::Probe::new(#name, #private::Part::Fields, #decoder),))
}

/// A function that decodes the type, which may borrow from the body.
fn run(api: &Api, ty: &TokenStream) -> TokenStream {
    let (private, input) = (private(api), local("input"));
    quote!(|#input| #private::probe::<#ty>(#input))
}

fn method(api: &Api, method: &Method) -> TokenStream {
    let (private, constant) = (private(api), method_descriptor(method));
    let (name, docs) = (&method.name.value, docs::text(&method.attributes.docs));
    let (arguments, value) = (arguments::schema(api, method), method.output.value());
    let error = method.output.result.as_ref().map(|(_, error)| quote!(.with_error(#private::reference::<#error>)));
    let timeout = method.timeout.map(duration).map(|timeout| quote!(.with_timeout(#timeout)));
    let idempotent = method.idempotent.then(|| quote!(.with_idempotent()));
    let deprecated = deprecated(&method.attributes);
    guarded(
        &method.attributes,
        quote! {
            const #constant: &#private::MethodDescriptor = &#private::MethodDescriptor::new(
                #name,
                #docs,
                #arguments,
                #private::reference::<#value>,
            ) #error #timeout #idempotent #deprecated;
        },
    )
}

fn event(api: &Api, event: &Event) -> TokenStream {
    let (private, constant, ty) = (private(api), event_descriptor(event), &event.ty);
    let (name, docs) = (&event.name.value, docs::text(&event.attributes.docs));
    let deprecated = deprecated(&event.attributes);
    guarded(
        &event.attributes,
        quote! {
            const #constant: &#private::EventDescriptor =
                &#private::EventDescriptor::new(#name, #docs, #private::inline::<#ty>) #deprecated;
        },
    )
}

fn deprecated(attributes: &Attributes) -> Option<TokenStream> {
    docs::deprecation(&attributes.shared).map(|note| quote!(.with_deprecated(#note)))
}
