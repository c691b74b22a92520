//! Publishing with confirms.

pub(crate) mod confirm_publisher;
pub(crate) mod copy;
pub(crate) mod event;
mod pending_confirms;
