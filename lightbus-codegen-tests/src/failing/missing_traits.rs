//! Each use of `Bare` is an error, and each error must be shown at that use.

/// Can neither travel nor be described.
#[derive(Debug, Clone)]
pub struct Bare;

/// Uses it in every place.
#[lightbus::api(name = "tests.missing_traits")]
pub trait MissingTraits {
    /// As an argument.
    async fn value(&self, argument: Bare);

    /// As an argument that is lent.
    async fn reference(&self, argument: &Bare);

    /// As elements of an argument that is lent.
    async fn slice(&self, argument: &[Bare]);

    /// As an answer.
    async fn answer(&self) -> Bare;

    /// As the value of an answer that may be an error.
    async fn fallible(&self) -> Result<Bare, String>;

    /// As a typed error.
    async fn error(&self) -> Result<String, Bare>;

    /// As a field.
    #[event]
    fn happened(field: Bare);
}
