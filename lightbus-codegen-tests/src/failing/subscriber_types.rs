//! Handlers whose types do not fit.

/// An API.
#[lightbus::api(name = "tests.subscriber_types")]
pub trait Sales {
    /// An event.
    #[event]
    fn sold();
}

/// Handles events.
#[derive(Debug)]
pub struct Desk;

#[lightbus::subscriber]
impl Desk {
    #[on]
    async fn text(&self, _: String) {}

    #[on]
    async fn number(&self, _: Sold) -> u32 {
        1
    }
}
