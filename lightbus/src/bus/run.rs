//! Runs a bus until it is told to stop.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;

use super::Bus;
use super::signals::Signals;
use crate::error::Error;

impl Bus {
    /// Runs until the process is told to stop (SIGINT or SIGTERM; Ctrl-C on Windows) or the bus is shut down elsewhere, and
    /// then [shuts down](Self::shutdown).
    ///
    /// A second signal ends the run at once. Once `run` has returned, a further signal ends the process, as if `run` had never
    /// listened. An application that owns its shutdown uses [`run_until`](Self::run_until).
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened for, or the runtime of this bus has ended.
    pub async fn run(&self) -> Result<(), Error> {
        self.on_runtime(async {
            let process = &self.inner.process;
            let mut signals = Signals::listen(Arc::clone(&self.inner.runtime)).map_err(Error::Signals)?;
            tokio::select! {
                signal = signals.next() => tracing::info!(%process, "{signal}: finishing what runs, then stopping"),
                () = self.inner.draining.wait() => {}
            }
            tokio::select! {
                () = self.shutdown() => {}
                signal = signals.next() => tracing::warn!(%process, "{signal} again: stopping at once"),
            }
            Ok(())
        })
        .await
    }

    /// Runs until the future ends or the bus is shut down elsewhere, and then [shuts down](Self::shutdown). It does not listen
    /// for signals.
    ///
    /// Made for a process that also runs another server: the future is that server, which drains first, while its requests
    /// can still use the bus. [Shutting down beside another server][page] shows axum.
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// # let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// # async fn serve_http() {}
    /// bus.run_until(async {
    ///     // Returns once it was told to stop and has answered the requests that it had.
    ///     serve_http().await;
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// [page]: https://github.com/lightbus/lightbus/blob/main/docs/shutting-down.md
    ///
    /// # Errors
    ///
    /// When the runtime of this bus has ended.
    pub async fn run_until(&self, until: impl IntoFuture) -> Result<(), Error> {
        let mut until = pin!(until.into_future());
        self.on_runtime(async {
            tokio::select! {
                _ = until.as_mut() => {}
                () = self.inner.draining.wait() => {}
            }
            self.shutdown().await;
            Ok(())
        })
        .await
    }
}
