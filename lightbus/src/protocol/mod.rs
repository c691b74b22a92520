//! Messages as they travel: their parts, their encodings, their names, and the records of failures.

pub mod codec;
pub(crate) mod dead_letter;
pub(crate) mod destination;
pub(crate) mod failure;
pub(crate) mod headers;
pub mod message;
pub mod name;
pub(crate) mod text;
