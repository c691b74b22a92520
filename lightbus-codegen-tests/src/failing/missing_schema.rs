//! Types without a schema.

use lightbus::prelude::*;

/// An argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(crate = "lightbus::__private::serde")]
pub struct Asked;

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(crate = "lightbus::__private::serde")]
pub struct Answered;

/// An error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(crate = "lightbus::__private::serde")]
pub struct Failed;

/// A field.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(crate = "lightbus::__private::serde")]
pub struct Happened;

/// An API.
#[lightbus::api(name = "tests.missing_schema")]
pub trait Desk {
    /// A method.
    async fn ask(&self, asked: Asked) -> Result<Answered, Failed>;

    /// An event.
    #[event]
    fn event(happened: Happened);
}
