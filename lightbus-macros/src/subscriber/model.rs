//! What an impl block says, as plain data.

use std::time::Duration;

use proc_macro2::Span;
use syn::{Attribute, Ident, ItemImpl, Path, Type, Visibility};

use crate::model::Name;

/// The handlers of one impl block.
pub(crate) struct Subscriber {
    /// The block, without the attributes that only the macro reads.
    pub(crate) item: ItemImpl,
    pub(crate) visibility: Visibility,
    /// The name of the generated type.
    pub(crate) ident: Ident,
    /// The type that the handlers belong to.
    pub(crate) state: Type,
    /// The name of that type.
    pub(crate) state_name: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) root: Path,
    pub(crate) handlers: Vec<Handler>,
}

/// A method with `#[on]`.
pub(crate) struct Handler {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) ident: Ident,
    /// The name of the subscription.
    pub(crate) name: Name,
    pub(crate) event: Type,
    /// Where errors about the result are shown: the return type, or the name.
    pub(crate) result: Span,
    /// The parameters in their order.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) settings: Settings,
}

/// Where a parameter comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Event,
    /// `#[context] ctx: Context`
    Context,
    /// `#[context] ctx: &Context`
    ContextReference,
}

/// The arguments of `#[on]` that the bus gets.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) retries: Option<Vec<Duration>>,
    pub(crate) concurrency: Option<u16>,
    pub(crate) timeout: Option<Duration>,
    /// How many ids of events are remembered.
    pub(crate) dedupe: Option<u32>,
}
