//! Makes the order in which the applications start not matter.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use lightbus::rpc::Servers;
use lightbus::{Call, CallError, Context};

use crate::story::Story;
use crate::sync::lock;

/// How long to wait before a call is made again.
const PAUSE: Duration = Duration::from_millis(200);

/// Calls others, and waits for those that are not there yet.
///
/// Lightbus says at once when nobody serves an API, and what to do about it is for the application to decide. A web page
/// would show an error. This company's applications have time: the other one will be started, or is being restarted.
pub(crate) struct Patience {
    story: Story,
    caller: &'static str,
    /// The APIs that are waited for, so that many calls tell it once.
    missing: Mutex<HashSet<String>>,
}

impl Patience {
    pub(crate) fn new(caller: &'static str, story: Story) -> Self {
        Self { story, caller, missing: Mutex::default() }
    }

    /// Makes a call until there is somebody to answer it. It may run more than once, so this is for `#[rpc(idempotent)]`
    /// methods.
    ///
    /// # Errors
    ///
    /// The method's own error, and every failure that waiting does not mend. Also that this process is shutting down, or
    /// that whoever waits for this process has no more time.
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
                // The queue of an API stays for minutes after its last server has stopped, and calls wait in it.
                | CallError::DeadlineExceeded { method, servers: Servers::None, .. }
                // The server stopped while it had the call.
                | CallError::ShuttingDown { method }
                | CallError::OutcomeUnknown { method, .. } => self.tell_that_nobody_answers(method),
                _ => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn tell_that_nobody_answers(&self, method: &str) {
        let api = method.rsplit_once('.').map_or(method, |(api, _)| api);
        if lock(&self.missing).insert(api.to_owned()) {
            self.story.tell(self.caller, format_args!("waits for somebody to serve {api}"));
        }
    }
}

/// A call made in a handler must not outlast what the handler's own caller waits for.
fn no_more_time() -> bool {
    Context::current().and_then(|context| context.time_left()).is_some_and(|left| left <= PAUSE)
}
