//! Compares two versions of an API by what their decoders do.

mod changes;
mod members;
mod report;
mod rule;
mod walk;

pub use self::report::{Comparison, Difference, Order, Part, Verdict};
pub use self::rule::Rule;
use super::document::ApiSchema;

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
