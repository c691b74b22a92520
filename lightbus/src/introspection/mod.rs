//! Asks the processes on a bus about themselves.
//!
//! [`Bus::introspection`](crate::Bus::introspection) is the entrance:
//!
//! ```
//! # use lightbus::prelude::*;
//! # #[lightbus::api(name = "company.warranty")]
//! # pub trait Warranty { async fn registered(&self) -> u64; }
//! # struct Desk;
//! # impl Warranty for Desk { async fn registered(&self) -> u64 { 42 } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> lightbus::Result<()> {
//! let bus = Bus::service("warranty").url("memory://").connect().await?;
//! bus.serve(WarrantyServer::new(Desk)).await?;
//!
//! let pings = bus.introspection().ping().await?;
//! for answer in &pings.answers {
//!     println!("{} answered after {:?}", answer.process, answer.round_trip);
//! }
//! for queue in pings.missing() {
//!     println!("{queue}"); // company.warranty: 4 consumers, 3 answered
//! }
//! assert!(pings.is_complete());
//! # bus.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! On RabbitMQ, asking takes the permission to *write* to the exchange `{namespace}.control`, which services do not need.
//! `docs/operations.md` lists the permissions.

mod answers;
mod asker;
mod collection;
mod expected;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

pub use self::answers::{Answer, Answers, FailedAnswer, QueueCount, QueueName};
pub(crate) use self::asker::Asker;
pub(crate) use self::expected::Remembered;
pub use crate::builtin::{Info, KnownApi, Ping, ServedApi, ServedMethod, SubscriptionInfo};
use crate::error::Error;
use crate::protocol::name::NameError;
use crate::protocol::name::{NameKind, ServiceName, SubscriptionName};
use crate::recorder::{RecentFilter, Record};
use crate::rpc::Arguments;
use crate::schema::ApiSchema;
use crate::stats::Stats;
use crate::transport::control::Audience;

/// How long to wait for answers, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asks the processes on the bus about themselves. Returned by [`Bus::introspection`](crate::Bus::introspection).
///
/// It asks all of them, unless [`service`](Self::service) or [`process`](Self::process) says otherwise. A question ends once
/// nothing has arrived for 200 ms and as many processes have answered as consume the queues of the bus, and at the latest after
/// the [timeout](Self::timeout).
#[derive(Clone)]
#[must_use = "nothing is asked before a question is awaited"]
pub struct Introspection {
    asker: Asker,
    audience: Audience,
    timeout: Duration,
    expected: Vec<QueueName>,
}

impl Introspection {
    pub(crate) fn new(asker: Asker) -> Self {
        Self { asker, audience: Audience::Everyone, timeout: TIMEOUT, expected: Vec::new() }
    }

    /// Asks only the processes of a service.
    pub fn service(mut self, service: &str) -> Self {
        self.audience = Audience::Service(service.into());
        self
    }

    /// Asks only the process with that [id](Ping::process).
    pub fn process(mut self, id: &str) -> Self {
        self.audience = Audience::Process(id.into());
        self
    }

    /// Sets how long to wait for answers. Default: 1 second.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Expects the processes that serve an API to answer, even if no answer mentions it.
    ///
    /// # Errors
    ///
    /// Fails if the name is not valid.
    pub fn expect_api(mut self, api: &str) -> Result<Self, Error> {
        NameError::check(NameKind::Api, api)?;
        self.expected.push(QueueName::Api { api: api.to_owned() });
        Ok(self)
    }

    /// Expects the processes of a subscription to answer, even if no answer mentions it.
    ///
    /// # Errors
    ///
    /// Fails if a name is not valid.
    pub fn expect_subscription(mut self, service: &str, name: &str) -> Result<Self, Error> {
        ServiceName::new(service)?;
        SubscriptionName::new(name)?;
        self.expected.push(QueueName::Subscription { service: service.to_owned(), name: name.to_owned() });
        Ok(self)
    }

    /// Asks who is there.
    ///
    /// # Errors
    ///
    /// Fails if the broker refuses, there is no connection in time, or the bus is shut down.
    pub async fn ping(&self) -> Result<Answers<Ping>, Error> {
        self.on_runtime(self.asker.ping(&self.audience, &self.expected, self.timeout)).await
    }

    /// Asks what the processes serve, publish, call and subscribe to, and for their settings.
    ///
    /// # Errors
    ///
    /// Those of [`ping`](Self::ping).
    pub async fn info(&self) -> Result<Answers<Info>, Error> {
        self.ask("info", || Arguments::new(0)).await
    }

    /// Asks for the statistics of the processes. [`Stats::merge`] adds them up.
    ///
    /// # Errors
    ///
    /// Those of [`ping`](Self::ping).
    pub async fn stats(&self) -> Result<Answers<Stats>, Error> {
        self.ask("stats", || Arguments::new(0)).await
    }

    /// Asks for the last messages that the processes sent and handled.
    ///
    /// # Errors
    ///
    /// Those of [`ping`](Self::ping).
    pub async fn recent(&self, filter: &RecentFilter) -> Result<Answers<Vec<Record>>, Error> {
        self.ask("recent", || {
            let mut arguments = Arguments::new(1);
            arguments.write("filter", filter);
            arguments
        })
        .await
    }

    /// Asks for the schema with that [hash](ServedApi::hash). `None` if no process that is asked has it.
    ///
    /// It is what the types say of themselves. Unlike [`Api::schema`](crate::api::Api::schema), it does not tell what only the
    /// decoders know, such as aliases.
    ///
    /// # Errors
    ///
    /// Those of [`ping`](Self::ping).
    pub async fn schema(&self, hash: &str) -> Result<Option<ApiSchema>, Error> {
        self.on_runtime(self.asker.schema(&self.audience, hash, self.timeout)).await
    }

    /// Asks a question of the built-in API, and waits until all processes that are there have answered.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        arguments: impl FnOnce() -> Arguments,
    ) -> Result<Answers<T>, Error> {
        let asked = self.asker.ask(&self.audience, &self.expected, self.timeout, method, arguments());
        self.on_runtime(asked).await
    }

    async fn on_runtime<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.asker.runtime().run(pin!(asked)).await.unwrap_or(Err(Error::RuntimeEnded))
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("audience", &self.audience)
            .field("timeout", &self.timeout)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}
