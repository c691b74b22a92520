//! The consuming side of a session: deliveries, acknowledgements and dead letters.

mod acks;
mod binding;
pub(crate) mod channel_limit;
pub(crate) mod connection;
pub(crate) mod consumer;
pub(crate) mod dead_letters;
mod settle;
pub(crate) mod status;
mod work;
