//! A context of a type other than Lightbus's.

/// Not the one.
#[derive(Debug)]
pub struct Context;

/// Asks for it.
#[lightbus::api(name = "tests.not_the_one")]
pub trait OtherContext {
    /// A mistake that only rustc can find.
    async fn ask(&self, #[context] ctx: &Context);
}
