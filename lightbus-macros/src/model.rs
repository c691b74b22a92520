//! What a trait says, as plain data: nothing in here is rendered yet.

use std::time::Duration;

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::{Attribute, Block, Ident, Path, Receiver, Token, Type, TypeParamBound, Visibility};

/// An API: one trait.
pub(crate) struct Api {
    pub(crate) attributes: Attributes,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) supertraits: Punctuated<TypeParamBound, Token![+]>,
    pub(crate) name: Name,
    /// Where the crate `lightbus` is: `::lightbus` unless `crate = path` says otherwise.
    pub(crate) root: Path,
    pub(crate) methods: Vec<Method>,
    pub(crate) events: Vec<Event>,
}

/// A name on the wire, and where the user wrote it.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) value: String,
    pub(crate) span: Span,
}

/// Attributes, sorted by where their copies go.
#[derive(Default)]
pub(crate) struct Attributes {
    /// On every fragment that is made of the item.
    pub(crate) cfgs: Vec<Attribute>,
    /// On everything that users see of the item.
    pub(crate) docs: Vec<Attribute>,
    /// `#[deprecated]` and `#[cfg_attr(…)]`: on everything that users see of the item.
    pub(crate) shared: Vec<Attribute>,
    /// `#[allow]` and its like: as they are where the user wrote them; copies only ever allow.
    pub(crate) lints: Vec<Attribute>,
    /// Stay where the user wrote them.
    pub(crate) other: Vec<Attribute>,
}

/// A method.
pub(crate) struct Method {
    pub(crate) attributes: Attributes,
    pub(crate) ident: Ident,
    pub(crate) name: Name,
    pub(crate) receiver: Receiver,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
    /// The provided body.
    pub(crate) body: Option<Block>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idempotent: bool,
}

/// A parameter of a method.
pub(crate) struct Parameter {
    /// `#[allow]` and its like.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) ident: Ident,
    /// The type as the user wrote it.
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// Where a parameter comes from.
pub(crate) enum Role {
    /// `#[context]`: supplied by the dispatcher.
    Context,
    /// Sent by the caller.
    Argument {
        passing: Passing,
        /// Docs and serde's and schemars' attributes, for the field that carries the argument.
        field: Vec<Attribute>,
    },
}

/// How a method takes an argument.
pub(crate) enum Passing {
    /// `T`
    Value,
    /// `&T`
    Reference { lent: Type, owned: Owned },
}

impl Passing {
    /// Whether the dispatcher lends a part of the request itself.
    pub(crate) fn lends_text(&self) -> bool {
        matches!(self, Self::Reference { owned: Owned::Text, .. })
    }
}

/// What the dispatcher decodes in order to lend it.
pub(crate) enum Owned {
    /// Text of the request where it lies, for `&str`.
    Text,
    /// A `Vec<T>` for `&[T]`.
    Vec(Type),
    /// A `T` for `&T`, a `PathBuf` for `&Path`.
    Same,
}

/// What a method returns.
pub(crate) struct Output {
    /// The type as the user wrote it.
    pub(crate) ty: Type,
    /// The two types of a `Result`.
    pub(crate) result: Option<(Type, Type)>,
}

/// An event.
pub(crate) struct Event {
    pub(crate) attributes: Attributes,
    /// The traits that the user derives in addition.
    pub(crate) derives: Vec<Path>,
    pub(crate) name: Name,
    /// The struct's name.
    pub(crate) ty: Ident,
    pub(crate) fields: Vec<Field>,
}

/// A field of an event.
pub(crate) struct Field {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Method {
    /// The parameters that travel.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Parameter, &Passing, &[Attribute])> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Argument { passing, field } => Some((parameter, passing, field.as_slice())),
            Role::Context => None,
        })
    }

    /// Whether any argument is taken by reference.
    pub(crate) fn borrows(&self) -> bool {
        self.arguments().any(|(_, passing, _)| matches!(passing, Passing::Reference { .. }))
    }
}

impl Output {
    /// The type of the value that travels when all went well.
    pub(crate) fn value(&self) -> &Type {
        self.result.as_ref().map_or(&self.ty, |(value, _)| value)
    }
}
