//! Runs until told to stop, and stops in order.

use super::Bus;
use crate::error::Error;

impl Bus {
    /// Runs until the process is told to stop (SIGINT or SIGTERM; Ctrl-C on Windows) or the bus is shut down elsewhere, and
    /// then [shuts down](Self::shutdown).
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened for.
    pub async fn run(&self) -> Result<(), Error> {
        tokio::select! {
            signal = told_to_stop() => {
                let signal = signal.map_err(Error::Signals)?;
                tracing::info!(process = %self.inner.process, "{signal}: finishing what runs, then stopping");
                self.shutdown().await;
            }
            () = self.inner.tasks.draining() => self.shutdown().await,
        }
        Ok(())
    }

    /// Takes no more work, finishes what runs within the shutdown timeout, gives the rest back to the broker, and closes
    /// the connection. Calls and events of this process are refused afterwards. Further calls of it wait for the first.
    pub async fn shutdown(&self) {
        self.inner.shut_down.get_or_init(|| self.shut_down()).await;
    }

    async fn shut_down(&self) {
        let inner = &self.inner;
        inner.tasks.start_draining();
        inner.transport.stop_consuming().await;
        let timeout = inner.settings.shutdown_timeout;
        if !inner.tasks.finish(timeout).await {
            tracing::warn!(
                process = %inner.process,
                "handlers had not finished {timeout:?} after the shutdown began and were aborted; their calls fail, their \
                 events are delivered again. Raise shutdown_timeout if they need longer"
            );
        }
        inner.caller.close();
        inner.publisher.close();
        inner.transport.close().await;
    }
}

#[cfg(unix)]
async fn told_to_stop() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

#[cfg(not(unix))]
async fn told_to_stop() -> std::io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
