//! Events: a plain struct each.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Ident};

use super::{api_type, docs, guarded, local, private, respanned, schema_derive, serde_derives};
use crate::model::{Api, Event, Field};

pub(super) fn item(api: &Api, event: &Event) -> TokenStream {
    let Event { attributes, derives: more, ty, fields, name } = event;
    let visibility = &api.visibility;
    let docs = docs::or(&attributes.docs, &format!("The event `{}` of `{}`.", name.value, api.name.value));
    let (shared, lints) = (&attributes.shared, &attributes.lints);
    let other = attributes.other.iter().filter(|attribute| !is_for_schema_only(attribute));
    let serde = serde_derives(api, ty.span());
    let more = (!more.is_empty()).then(|| quote!(#[derive(#(#more),*)]));
    let fields = fields.iter().map(|each| field(api, each));
    let marker = marker(ty);
    let item = guarded(
        attributes,
        quote! {
            #docs
            #(#shared)*
            #[allow(dead_code)]
            #(#lints)*
            #[derive(::core::fmt::Debug, ::core::clone::Clone)]
            #more
            #serde
            #(#other)*
            #visibility struct #ty {
                #(#fields),*
            }
        },
    );
    let items = [item, guarded(attributes, marker)].map(|item| guarded(&api.attributes, item));
    quote!(#(#items)*)
}

/// An item whose name says what to do, because rustc shows it when two events in a module have structs of one name.
fn marker(ty: &Ident) -> TokenStream {
    let span = ty.span().resolved_at(Span::call_site());
    let name = format!("__two_events_have_a_struct_{}__name_one_by_event_type", ty.unraw());
    let marker = Ident::new(&name, span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #[allow(dead_code, nonstandard_style)]
        struct #marker;
    }
}

fn field(api: &Api, field: &Field) -> TokenStream {
    let (visibility, Field { attributes, ident, ty }) = (&api.visibility, field);
    let (docs, other): (Vec<_>, Vec<_>) = attributes
        .iter()
        .filter(|attribute| !is_for_schema_only(attribute))
        .cloned()
        .partition(|attribute| attribute.path().is_ident("doc"));
    let docs = docs::or(&docs, &format!("The event's `{}`.", ident.unraw()));
    // As in `super::field`, all of it is at the user's field.
    let (docs, visibility) = (respanned(docs, ident.span()), respanned(quote!(#visibility), ident.span()));
    let field = super::field(ident, ty);
    quote!(#docs #(#other)* #visibility #field)
}

pub(super) fn impls(api: &Api, event: &Event) -> TokenStream {
    let (private, api_type) = (private(api), api_type(api));
    let (ty, name) = (&event.ty, &event.name.value);
    let schema = schema(api, event);
    let event_impl = guarded(
        &event.attributes,
        quote! {
            impl #private::Event for #ty {
                type Api = #api_type;
                const NAME: &'static str = #name;
            }
        },
    );
    quote!(#event_impl #schema)
}

/// The schema of an event, made from a copy of the struct: outside of this block, the derive of schemars would need the
/// prelude, and would warn of its own use of a deprecated struct.
fn schema(api: &Api, event: &Event) -> TokenStream {
    let Event { attributes, ty, fields, .. } = event;
    let (private, derive, copy, generator) =
        (private(api), schema_derive(api, ty.span()), copy_type(event), local("generator"));
    let (docs, shared) = (&attributes.docs, &attributes.shared);
    let other = attributes.other.iter().filter(|attribute| is_for_schema(attribute));
    let fields = fields.iter().map(|Field { attributes, ident, ty }| {
        let attributes = attributes.iter().filter(|attribute| is_for_schema(attribute));
        let field = super::field(ident, ty);
        quote!(#(#attributes)* #field)
    });
    let name = ty.unraw().to_string();
    let copied = quote! {
        #(#docs)*
        #(#shared)*
        #derive
        #(#other)*
        struct #copy {
            #(#fields),*
        }
    };
    let forwarded = quote! {
        impl #private::schemars::JsonSchema for #ty {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(#name)
            }

            fn json_schema(#generator: &mut #private::schemars::SchemaGenerator) -> #private::schemars::Schema {
                <#copy as #private::schemars::JsonSchema>::json_schema(#generator)
            }
        }
    };
    let fragments = [copied, forwarded].into_iter().chain(default_of_copy(event));
    fragments.map(|fragment| guarded(attributes, fragment)).collect()
}

/// With `#[serde(default)]` on an event, schemars asks the struct for the defaults of its fields.
fn default_of_copy(event: &Event) -> Option<TokenStream> {
    let has_default = |attribute: &Attribute| {
        let mut found = false;
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("default");
            Ok(())
        });
        found && attribute.path().is_ident("serde")
    };
    if !event.attributes.other.iter().any(has_default) {
        return None;
    }
    let (ty, copy) = (&event.ty, copy_type(event));
    let fields: Vec<&Ident> = event.fields.iter().map(|field| &field.ident).collect();
    Some(quote! {
        impl ::core::default::Default for #copy {
            fn default() -> Self {
                let #ty { #(#fields),* } = ::core::default::Default::default();
                Self { #(#fields),* }
            }
        }
    })
}

fn copy_type(event: &Event) -> Ident {
    format_ident!("__{}_schema", event.ty.unraw(), span = Span::call_site())
}

/// Whether schemars reads the attribute.
fn is_for_schema(attribute: &Attribute) -> bool {
    let known = ["doc", "deprecated", "serde", "validate", "garde"];
    is_for_schema_only(attribute) || known.iter().any(|name| attribute.path().is_ident(name))
}

fn is_for_schema_only(attribute: &Attribute) -> bool {
    attribute.path().is_ident("schemars")
}
