//! An implementation where its server belongs.

use lightbus::Bus;

/// An API.
#[lightbus::api(name = "tests.unwrapped_server")]
pub trait Desk {
    /// A method.
    async fn ask(&self) -> u8;
}

struct Office;

impl Desk for Office {
    async fn ask(&self) -> u8 {
        1
    }
}

/// Serves the implementation itself.
///
/// # Errors
///
/// It does not compile.
pub async fn serve(bus: &Bus) -> lightbus::Result<()> {
    bus.serve(Office).await?;
    Ok(())
}
