//! Whether the connections of one session still work.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::timeout;

use crate::runtime::sync::Flag;
use crate::transport::amqp::errors::OperationError;

/// How long the reason for a closed channel may take to arrive.
const GRACE: Duration = Duration::from_secs(1);

/// Counts the sessions of a transport: every reconnect starts the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);

/// Whether the connections of one session still work. All of them are given up together, for the first reason found.
#[derive(Debug)]
pub(crate) struct Lifeline {
    pub(crate) generation: Generation,
    lost: Flag,
    loss: OnceLock<Loss>,
}

#[derive(Debug)]
struct Loss {
    reason: String,
    /// The broker had gone silent.
    silent: bool,
}

impl Lifeline {
    pub(crate) fn new(generation: Generation) -> Self {
        Self { generation, lost: Flag::default(), loss: OnceLock::new() }
    }

    /// Gives the session up. Only the first reason counts.
    pub(crate) fn fail(&self, reason: String) {
        self.lose(Loss { reason, silent: false });
    }

    /// Gives the session up because one of its channels turned out to be closed. The task that the broker told why has a moment to
    /// give the reason.
    pub(crate) async fn fail_for_closed_channel(&self, reason: String) {
        let _ = timeout(GRACE, self.lost()).await;
        self.fail(reason);
    }

    /// Gives the session up because the broker has gone silent.
    pub(crate) fn fail_silent(&self, reason: String) {
        self.lose(Loss { reason, silent: true });
    }

    /// Gives the session up over a failed operation, unless that operation alone was refused.
    pub(crate) fn judge(&self, failure: &OperationError) {
        if !failure.is_refusal() {
            self.fail(failure.reason());
        }
    }

    fn lose(&self, loss: Loss) {
        let _ = self.loss.set(loss);
        self.lost.set();
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_set()
    }

    /// Returns once the session is lost.
    pub(crate) async fn lost(&self) {
        self.lost.wait().await;
    }

    /// Awaits the future, but returns `None` once the session is lost.
    pub(crate) async fn while_alive<F: Future>(&self, future: F) -> Option<F::Output> {
        self.lost.until_set(future).await
    }

    /// Why the session was lost.
    pub(crate) fn reason(&self) -> &str {
        self.loss.get().map_or("", |loss| &loss.reason)
    }

    /// Whether the session was given up because the broker had gone silent.
    pub(crate) fn fell_silent(&self) -> bool {
        self.loss.get().is_some_and(|loss| loss.silent)
    }
}
