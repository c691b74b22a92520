//! Mistakes that rustc finds, each compiled by `tests/rustc_errors.rs` alone. They are no trybuild cases because the
//! wording of these errors is rustc's and changes with it; what must hold is where they are shown.

#[cfg(failing = "missing_traits")]
pub mod missing_traits;
#[cfg(failing = "other_context")]
pub mod other_context;
#[cfg(failing = "overlapping")]
pub mod overlapping;
