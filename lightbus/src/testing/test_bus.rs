//! The bus of one test.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fake::Fake;
use super::faults::Faults;
use super::ledger::Ledger;
use super::recording::RecordingTransport;
use crate::api::{Api, Event};
use crate::bus::{Bus, BusBuilder, TestBusMember};
use crate::error::Error;
use crate::event::Publish;
use crate::runtime::causes::Causes;
use crate::runtime::sync::lock;
use crate::transport::memory::{self, Broker};

/// The service that the test itself is.
const TESTER: &str = "test";

/// A bus in memory for one test, which records what the services on it do.
///
/// The [module](super) has an example. Assertions take what was recorded up to then: await [`settled`](Self::settled) first.
///
/// A `TestBus` that is dropped panics if a [fake](Self::fake) was called in a way that the test did not provide for.
pub struct TestBus {
    pub(super) broker: Arc<Broker>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) causes: Causes,
    pub(super) faults: Arc<Faults>,
    pub(super) settle_limit: Duration,
    tester: Bus,
    fakes: Mutex<Vec<Bus>>,
}

impl TestBus {
    /// Makes a bus of its own for a test.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime: write `#[tokio::test]`.
    #[allow(clippy::panic, reason = "without a runtime, no test can go on")]
    pub async fn new() -> Self {
        let (broker, ledger) = (Broker::with_stopped_clock(), Arc::default());
        let (causes, faults) = (Causes::default(), Arc::default());
        let builder = member(TESTER, &broker, &causes, &faults, None);
        let tester =
            builder.connect().await.unwrap_or_else(|error| panic!("the bus of the test cannot run: {error:#}"));
        Self { broker, ledger, causes, faults, settle_limit: Duration::from_secs(30), tester, fakes: Mutex::default() }
    }

    /// Starts building the connection of a service, as [`Bus::service`] does:
    /// `bus.service("warranty").connect().await?`. Its calls and events are recorded.
    ///
    /// Neither the environment nor `lightbus.toml` has an effect on it.
    pub fn service(&self, name: impl Into<String>) -> BusBuilder {
        member(name, &self.broker, &self.causes, &self.faults, Some(&self.ledger))
    }

    /// The connection of the test itself, of the service `test`, for clients and subscriptions:
    /// `WarrantyClient::new(bus.tester())`. Its calls and events are not recorded.
    #[must_use]
    pub fn tester(&self) -> &Bus {
        &self.tester
    }

    /// Publishes an event in place of the service that owns its API. It is not recorded.
    pub fn publish<E: Event>(&self, event: E) -> Publish {
        self.tester.own_api::<E::Api>();
        self.tester.publish(event)
    }

    /// Starts building a fake server of an API, whose methods are closures. [`Fake`] has an example.
    ///
    /// A fake that is an implementation of the trait is served like the real one:
    /// `bus.tester().serve(WarrantyServer::new(Pretended)).await?`.
    pub fn fake<A: Api>(&self) -> Fake<'_, A> {
        Fake::new(self)
    }

    pub(super) async fn connect_fake(&self) -> Result<Bus, Error> {
        let bus = member("fake", &self.broker, &self.causes, &self.faults, None).connect().await?;
        lock(&self.fakes).push(bus.clone());
        Ok(bus)
    }
}

/// A member of the bus. It is recorded if there is a ledger.
fn member(
    name: impl Into<String>,
    broker: &Arc<Broker>,
    causes: &Causes,
    faults: &Arc<Faults>,
    ledger: Option<&Arc<Ledger>>,
) -> BusBuilder {
    let (broker, recorder) = (Arc::clone(broker), (causes.clone(), Arc::clone(faults), ledger.cloned()));
    let join = Box::new(move |settings: &_| {
        let (causes, faults, ledger) = recorder;
        Arc::new(RecordingTransport::new(memory::join(broker, settings), causes, faults, ledger)) as Arc<_>
    });
    BusBuilder::on_test_bus(name.into(), TestBusMember { causes: causes.clone(), join })
}

impl Drop for TestBus {
    #[allow(clippy::panic, reason = "a failed assertion")]
    fn drop(&mut self) {
        let mistakes = self.ledger.take_mistakes();
        // A panic during a panic would abort the process, and hide the first one.
        if !mistakes.is_empty() && !std::thread::panicking() {
            panic!("{}", mistakes.join("\n"));
        }
    }
}

impl fmt::Debug for TestBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBus").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}
