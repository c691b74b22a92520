//! The structs by which serde_json tells itself, and no other format, what a value is.
//!
//! Any crate of a build may switch them on (`arbitrary_precision`, `raw_value`). Taken at their word, a number would leave
//! as a map with a private key.

/// A number as text.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// A value as JSON text.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";
