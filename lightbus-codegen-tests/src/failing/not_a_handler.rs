//! Closures that cannot handle events.

use lightbus::Bus;
use std::sync::Arc;

/// An API.
#[lightbus::api(name = "tests.not_a_handler")]
pub trait Desk {
    /// An event.
    #[event]
    fn opened(at: u64);
}

/// Subscribes with what is no handler.
///
/// # Errors
///
/// It does not compile.
pub async fn wrong_parameter(bus: &Bus) -> lightbus::Result<()> {
    bus.subscribe("audit", |opened: &Opened| async move { drop(opened.at) }).await?;
    Ok(())
}

/// Subscribes with what returns a number.
///
/// # Errors
///
/// It does not compile.
pub async fn wrong_result(bus: &Bus) -> lightbus::Result<()> {
    bus.subscribe("audit", |opened: Opened| async move { opened.at }).await?;
    Ok(())
}

/// Subscribes with what can run once.
///
/// # Errors
///
/// It does not compile.
pub async fn once(bus: &Bus, log: Arc<Vec<u64>>) -> lightbus::Result<()> {
    bus.subscribe("audit", move |opened: Opened| async move {
        assert!(log.contains(&opened.at));
    })
    .await?;
    Ok(())
}
