//! Conditions that the macro cannot tell to hold together.

/// Two methods and two events of one name each.
#[lightbus::api(name = "tests.overlapping")]
pub trait Overlapping {
    /// One of the two methods.
    #[cfg(all())]
    async fn method_of_one_name(&self);

    /// The other of the two.
    #[cfg(not(any()))]
    #[rpc(name = "method_of_one_name")]
    async fn other(&self);

    /// One of the two events.
    #[cfg(all())]
    #[event]
    fn event_of_one_name();

    /// The other of the two.
    #[cfg(not(any()))]
    #[event(name = "event_of_one_name")]
    fn another();
}
