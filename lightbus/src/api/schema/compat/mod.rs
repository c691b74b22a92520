//! Compares two versions of an API by what their decoders do.

mod accepts;
mod change;
mod difference;
mod finding;
mod members;
mod order;
mod relate;
mod rename;
mod report;
mod rule;
mod sample;
mod structs;
mod unions;
mod verdict;
mod words;

use serde::Serialize;

pub(crate) use self::accepts::accepts;
pub use self::difference::{Difference, Part};
pub(crate) use self::members::hash;
pub use self::order::Order;
pub use self::rule::Rule;
pub(crate) use self::sample::{example, of_variant, rich, tagged};
pub use self::verdict::Verdict;
use super::document::ApiSchema;

/// What changed between two versions of an API.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The changes, by the name of the method or the event.
    pub differences: Vec<Difference>,
    /// Whether there are more differences than are listed.
    pub is_truncated: bool,
}

/// Compares two versions of an API.
///
/// It looks at nothing but the two schemas, and neither panics nor takes long whatever they contain.
///
/// ```
/// use lightbus::schema::{self, Rule};
/// # use lightbus::prelude::*;
/// # mod old {
/// #     use lightbus::prelude::*;
/// #     #[lightbus::api(name = "company.warranty")]
/// #     pub trait Warranty { async fn check(&self, serial: &str) -> String; }
/// # }
/// # mod new {
/// #     use lightbus::prelude::*;
/// #     #[lightbus::api(name = "company.warranty")]
/// #     pub trait Warranty { async fn check(&self, serial: &str, country: String) -> String; }
/// # }
/// use lightbus::api::Api;
///
/// let comparison = schema::compare(&old::WarrantyApi::schema(), &new::WarrantyApi::schema());
/// let difference = &comparison.differences[0];
/// assert_eq!(difference.rule, Rule::RequiredFieldAdded);
/// assert_eq!(difference.path, "country");
/// // Old callers do not send the argument that the new server requires …
/// assert!(difference.server_first.as_ref().unwrap().is_breaking());
/// // … and an old server ignores it.
/// assert!(difference.caller_first.as_ref().unwrap().is_mute());
/// ```
#[must_use]
pub fn compare(old: &ApiSchema, new: &ApiSchema) -> Comparison {
    members::compare(old, new)
}

impl Comparison {
    /// Whether there is no difference.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether old and new processes can be exchanged in some order without a message that fails or a value that is
    /// lost silently.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        !self.is_truncated && self.order().is_safe() && !self.differences.iter().any(Difference::is_silent_loss)
    }

    /// In which order the applications can be deployed.
    #[must_use]
    pub fn order(&self) -> Order {
        Order::of(&self.differences)
    }
}
