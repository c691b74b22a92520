//! What `#[lightbus::api]` and `#[lightbus::subscriber]` accept, refuse and expand to. `README.md` says which test is where.

/// The examples in the documentation of the attributes. They are tested here and not in `lightbus-macros`, so that the
/// macro crate does not depend on the crate that depends on it.
#[doc = include_str!("../../lightbus-macros/src/api.md")]
#[doc = include_str!("../../lightbus-macros/src/subscriber.md")]
#[cfg(doctest)]
pub mod documentation {}

/// The programs of the pages in `docs/`.
#[doc = include_str!("../../docs/testing-with-memory.md")]
#[doc = include_str!("../../docs/testing.md")]
#[cfg(doctest)]
pub mod pages {}

#[cfg(any_failing)]
pub mod failing;
