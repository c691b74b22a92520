//! The schema of an API: its contents, its file, and the comparison of two versions.
//!
//! [`Api::schema`](crate::api::Api::schema) needs no broker: it is made from the user's own types.
//! [`compare`] tells what an old and a new process make of each other's messages.

mod arguments;
mod assert;
mod compat;
mod describe;
mod described;
mod document;
mod hash;
mod probe;
mod redact;
mod shape;
mod types;

#[doc(hidden)]
pub use self::arguments::{ArgumentsSchema, property, property_or_default};
#[doc(hidden)]
pub use self::assert::assert_compatible_with;
pub use self::compat::{Comparison, Difference, Order, Part, Rule, Verdict, compare};
pub(crate) use self::describe::Describer;
#[doc(hidden)]
pub use self::described::{Described, SchemaOf, described, inline, reference};
pub use self::document::{ApiSchema, EventSchema, MethodSchema, TypeSchema};
pub use self::hash::SchemaHash;
pub(crate) use self::probe::annotate;
#[doc(hidden)]
pub use self::probe::{Probe, probe};
pub use crate::__assert_compatible as assert_compatible;
