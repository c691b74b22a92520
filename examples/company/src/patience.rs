//! Lets the applications start in any order.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use lightbus::rpc::Servers;
use lightbus::{Call, CallError, Context};

use crate::story::Story;
use crate::sync::lock;

/// The pause before a call is repeated.
const PAUSE: Duration = Duration::from_millis(200);

/// Calls other applications, and waits for those that are not running yet.
///
/// Lightbus reports at once that nobody serves an API, and leaves the reaction to the application. A web page would show an
/// error. The applications of this company have time: the other one will be started, or is being restarted.
pub(crate) struct Patience {
    story: Story,
    caller: &'static str,
    /// The APIs that were reported as missing, so that many calls report each of them once.
    missing: Mutex<HashSet<String>>,
}

impl Patience {
    pub(crate) fn new(caller: &'static str, story: Story) -> Self {
        Self { story, caller, missing: Mutex::default() }
    }

    /// Repeats a call until a server answers it. The method may run more than once, so it has to be `#[rpc(idempotent)]`.
    ///
    /// # Errors
    ///
    /// Returns the error of the method, and every failure that waiting does not help against. Also fails if this process is
    /// shutting down, or if the deadline of the current handler is near.
    pub(crate) async fn call<T, E>(&self, call: impl Fn() -> Call<T, E>) -> Result<T, CallError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        loop {
            let error = match call().await {
                Err(error) if !no_more_time() => error,
                ended => return ended,
            };
            match &error {
                CallError::NoServer { method, .. }
                // The queue of an API outlives its last server for a while, and calls wait in it.
                | CallError::DeadlineExceeded { method, servers: Servers::None, .. }
                // The server stopped while it held the call.
                | CallError::ShuttingDown { method }
                | CallError::OutcomeUnknown { method, .. } => self.report_missing(method),
                _ => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn report_missing(&self, method: &str) {
        let api = method.rsplit_once('.').map_or(method, |(api, _)| api);
        if lock(&self.missing).insert(api.to_owned()) {
            self.story.tell(self.caller, format_args!("waits for a server of {api}"));
        }
    }
}

/// A call within a handler must not outlast the deadline of that handler.
fn no_more_time() -> bool {
    Context::current().and_then(|context| context.time_left()).is_some_and(|left| left <= PAUSE)
}
