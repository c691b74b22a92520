//! A handler whose future is not `Send`.

use std::rc::Rc;

/// An API.
#[lightbus::api(name = "tests.subscriber_not_send")]
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
    async fn not_send(&self, _: Sold) {
        let counted = Rc::new(1);
        std::future::ready(()).await;
        drop(counted);
    }
}
