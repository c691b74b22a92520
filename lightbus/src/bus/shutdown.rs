//! Runs until told to stop, and stops in order.

use super::Bus;
use crate::error::Error;

impl Bus {
    /// Runs until the process is told to stop (SIGINT or SIGTERM; Ctrl-C on Windows) or the bus is shut down elsewhere, and
    /// then [shuts down](Self::shutdown). A second signal ends it at once.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened for.
    pub async fn run(&self) -> Result<(), Error> {
        let process = &self.inner.process;
        let mut signals = Signals::listen().map_err(Error::Signals)?;
        tokio::select! {
            signal = signals.next() => tracing::info!(%process, "{signal}: finishing what runs, then stopping"),
            () = self.inner.tasks.draining() => {}
        }
        tokio::select! {
            () = self.shutdown() => {}
            signal = signals.next() => tracing::warn!(%process, "{signal} once more: stopping at once"),
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

/// The signals that tell a process to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// The signals that tell a process to stop.
#[cfg(windows)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { ctrl_c: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) -> &'static str {
        self.ctrl_c.recv().await;
        "Ctrl-C"
    }
}
