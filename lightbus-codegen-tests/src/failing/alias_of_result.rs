//! A `Result` by another name.

/// An alias.
pub type Res<T> = Result<T, String>;

/// An API.
#[lightbus::api(name = "tests.alias_of_result")]
pub trait Desk {
    /// A method.
    async fn ask(&self) -> Res<u8>;
}
