//! The call builder.

use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::FutureExt;

use super::caller::Caller;
use super::error::CallError;
use super::prepared::{Decode, PreparedCall};
use crate::context::Context;
use crate::protocol::message::TraceContext;
use crate::runtime::lazy::Lazy;

/// A call that has not been made yet: awaiting it makes it.
///
/// The methods of a generated client return it. It is a future that borrows nothing, so it can be stored, passed to
/// `tokio::join!` or spawned: `tokio::spawn(warranty.registered())`. Settings have no effect once it has been polled.
///
/// ```
/// # use lightbus::prelude::*;
/// # #[lightbus::api(name = "company.warranty")]
/// # trait Warranty { async fn registered(&self) -> u64; }
/// # async fn example(warranty: WarrantyClient) -> Result<(), CallError> {
/// use std::time::Duration;
///
/// let registered = warranty.registered().timeout(Duration::from_secs(1)).await?;
/// # Ok(()) }
/// ```
#[must_use = "a call is made when it is awaited"]
pub struct Call<T, E = std::convert::Infallible> {
    state: Lazy<Settings<T, E>, Result<T, CallError<E>>>,
}

struct Settings<T, E> {
    caller: Caller,
    call: PreparedCall,
    decode: Decode<T, E>,
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(caller: Caller, call: PreparedCall, decode: Decode<T, E>) -> Self {
        Self { state: Lazy::Settings(Settings { caller, call, decode }) }
    }

    /// Waits at most this long for the answer. Without it the method's own default holds
    /// (`#[rpc(timeout = "2s")]`), and then the bus's, which is 5 seconds.
    ///
    /// A call made inside a handler never waits longer than what is left of the handler's own deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.state.set(|settings| settings.call.timeout = Some(timeout));
        self
    }

    /// Makes the call on behalf of this context: it inherits what is left of its deadline and carries its trace on.
    ///
    /// In the handler's own task that happens without asking; this is for tasks that the handler spawned.
    pub fn context(mut self, context: &Context) -> Self {
        self.state.set(|settings| settings.call.context = Some(context.clone()));
        self
    }

    /// Gives the call a header, which the method's handler reads:
    /// [`Context::header`](crate::Context::header). [`Headers`](crate::message::Headers) has the rules for names and values.
    ///
    /// Headers are for what is no part of the API, such as a tenant, a token or the id of a request. A handler's own headers do
    /// not go on with what it sends; [`BusBuilder::pass_on_headers`](crate::BusBuilder::pass_on_headers) names those that do.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.state.set(|settings| settings.call.headers.set(name.as_ref(), value.as_ref()));
        self
    }

    /// Makes the call part of this trace, in place of the current context's.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.state.set(|settings| settings.call.trace = Some(Box::new(trace)));
        self
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.state.settings().map(|settings| &settings.call)).finish()
    }
}

impl<T: Send + 'static, E: Send + 'static> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx, |Settings { caller, call, decode }| {
            // An async block would store what it awaits beside what it is made from.
            Box::pin(caller.call(call).map(move |ended| ended.into_result(&decode)))
        })
    }
}
