//! The names of structs that serde_json recognises as numbers and raw values of its own.
//!
//! Any crate of a build may switch them on (`arbitrary_precision`, `raw_value`). Written as they are, a number would become a map
//! with a private key.

/// A number as text.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// A value as JSON text.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";
