//! The APIs of the example company: what its applications may ask of each other, and what they tell each other.
//!
//! Every application depends on this crate and on none of the other applications. A module is one API; the application
//! that owns it serves it, all others use the generated client and the generated events.

pub mod sales;
pub mod spare_parts;
pub mod support;
pub mod warranty;
