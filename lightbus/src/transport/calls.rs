//! Calls: a request goes down once, and one outcome comes back.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::consumer::Consumer;
use crate::error::Error;
use crate::protocol::message::{Payload, Reply, Request};

/// Makes and serves calls.
#[async_trait]
pub(crate) trait CallTransport {
    /// Sends a request and waits for its outcome until `deadline`.
    ///
    /// A request that could not leave on a lost connection leaves on the next one; a request that has left is never sent
    /// again. It is boxed because each pending call holds several futures that hold it.
    async fn call(&self, request: Box<Request>, deadline: Instant) -> CallOutcome;

    /// Serves an API, now and after every reconnect: hands its requests to the sink.
    ///
    /// # Errors
    ///
    /// When the broker refuses.
    async fn serve(
        &self,
        api: &'static str,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Arc<dyn Consumer>, Error>;

    /// Counts the processes that serve an API. `None` when the broker does not say.
    async fn servers(&self, api: &str) -> Option<u32>;
}

/// How a call ended, as far as the transport can tell.
#[derive(Debug)]
pub(crate) enum CallOutcome {
    /// The server replied.
    Reply(Reply),
    /// The broker has no queue for the API: nobody serves it.
    NoServer,
    /// The connection was lost after the request had left.
    ConnectionLost,
    /// No reply came by the deadline.
    DeadlineExceeded {
        /// How many processes serve the API now. `None` when the broker does not say.
        servers: Option<u32>,
    },
    /// There was no connection by the deadline, so the request never left.
    NotConnected,
    /// The transport was closed before the request could leave.
    Closed,
}

/// Takes the requests for one API.
pub(crate) trait RequestSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one request. Returns at once.
    fn deliver(&self, delivery: RequestDelivery);
}

/// A request, and the means to settle it.
#[derive(Debug)]
pub(crate) struct RequestDelivery {
    pub(crate) request: Request,
    /// Whether it was delivered before and not settled: it may have run.
    pub(crate) redelivered: bool,
    /// Settles it. A handle that is dropped unused puts the request back on the queue.
    pub(crate) handle: Box<dyn RequestHandle>,
}

/// Settles one request.
#[async_trait]
pub(crate) trait RequestHandle: fmt::Debug + Send {
    /// Whether the connection that delivered the request still stands. Otherwise another process gets the request, so this
    /// one must not run it.
    fn is_current(&self) -> bool;

    /// Takes the request off the queue without a reply.
    fn accept(self: Box<Self>);

    /// Sends the reply and takes the request off the queue, without waiting. The acknowledgement may leave a moment later,
    /// together with others. A reply without a connection is dropped: its caller already knows.
    fn reply(self: Box<Self>, reply: Reply);

    /// Sends the reply, and takes the request off the queue once the reply has left this process. A process that dies in
    /// between leaves the request to another one.
    async fn reply_then_accept(self: Box<Self>, reply: Reply);

    /// Puts the request back for another process, with the payload that it came with. It has not run and is not marked as
    /// redelivered.
    fn requeue(self: Box<Self>, payload: Payload);
}
