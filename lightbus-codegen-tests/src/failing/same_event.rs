//! Two APIs in one module, with an event of one name.

/// An API.
#[lightbus::api(name = "tests.sales")]
pub trait Sales {
    /// An event.
    #[event]
    fn closed();
}

/// Another API.
#[lightbus::api(name = "tests.support")]
pub trait Support {
    /// An event.
    #[event]
    fn closed();
}
