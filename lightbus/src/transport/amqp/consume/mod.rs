//! Consuming queues: deliveries, acknowledgements, dead letters.

mod acks;
pub(crate) mod consumer;
pub(crate) mod dead_letters;
pub(crate) mod settle;
pub(crate) mod status;
