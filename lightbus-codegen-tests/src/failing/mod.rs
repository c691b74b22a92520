//! Mistakes that rustc finds, each compiled by `tests/rustc_errors.rs` alone. They are no trybuild cases because the
//! wording of these errors is rustc's and changes with it; what must hold is where they are shown and what help they give.

#[cfg(failing = "alias_of_result")]
pub mod alias_of_result;
#[cfg(failing = "missing_schema")]
pub mod missing_schema;
#[cfg(failing = "missing_traits")]
pub mod missing_traits;
#[cfg(failing = "not_a_handler")]
pub mod not_a_handler;
#[cfg(failing = "other_context")]
pub mod other_context;
#[cfg(failing = "overlapping")]
pub mod overlapping;
#[cfg(failing = "same_event")]
pub mod same_event;
#[cfg(failing = "subscriber_not_send")]
pub mod subscriber_not_send;
#[cfg(failing = "subscriber_types")]
pub mod subscriber_types;
#[cfg(failing = "unwrapped_server")]
pub mod unwrapped_server;
