//! What a process serves and subscribes to.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use super::facts::Setup;
use crate::error::Error;
use crate::event::RepeatCounter;
use crate::health::{ConsumerHealth, ConsumerKind};
use crate::runtime::bus_runtime::BusRuntime;
use crate::runtime::handler_tasks::HandlerTasks;
use crate::runtime::sync::{Flag, lock};
use crate::transport::Consumer;

/// The APIs that a process serves and its subscriptions, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    consumers: Vec<Arc<RegisteredConsumer>>,
    closed: bool,
}

/// An API that the process serves, or a subscription.
pub(super) struct RegisteredConsumer {
    pub(super) kind: ConsumerKind,
    pub(super) name: String,
    pub(super) tasks: HandlerTasks,
    pub(super) repeats: RepeatCounter,
    /// How it was set up, once that is known.
    pub(super) setup: OnceLock<Setup>,
    /// Empty until the broker sends what there is.
    consumer: OnceLock<Arc<dyn Consumer>>,
    /// Someone stops it.
    pub(super) stopping: Flag,
    /// The broker sends nothing more.
    pub(super) ended: Flag,
    /// Its handlers have finished.
    pub(super) stopped: Flag,
}

/// A name that is taken while its consumer starts. Dropping it frees the name.
pub(super) struct Reservation<'r> {
    registry: &'r Registry,
    pub(super) registered: Arc<RegisteredConsumer>,
}

impl Registry {
    /// Takes a name for a consumer that is about to start.
    pub(super) fn reserve(
        &self,
        kind: ConsumerKind,
        name: &str,
        runtime: &Arc<BusRuntime>,
    ) -> Result<Reservation<'_>, Error> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Error::Closed);
        }
        if state.consumers.iter().any(|other| other.kind == kind && other.name == name) {
            return Err(match kind {
                ConsumerKind::Api => Error::AlreadyServing { api: name.to_owned() },
                ConsumerKind::Subscription => Error::AlreadySubscribed { name: name.to_owned() },
            });
        }
        let registered = Arc::new(RegisteredConsumer {
            kind,
            name: name.to_owned(),
            tasks: HandlerTasks::new(Arc::clone(runtime)),
            repeats: RepeatCounter::default(),
            setup: OnceLock::new(),
            consumer: OnceLock::new(),
            stopping: Flag::default(),
            ended: Flag::default(),
            stopped: Flag::default(),
        });
        state.consumers.push(Arc::clone(&registered));
        Ok(Reservation { registry: self, registered })
    }

    /// Frees the name of a consumer.
    pub(super) fn remove(&self, registered: &Arc<RegisteredConsumer>) {
        lock(&self.state).consumers.retain(|other| !Arc::ptr_eq(other, registered));
    }

    /// Refuses further consumers, and returns those that there are.
    pub(super) fn close(&self) -> Vec<Arc<RegisteredConsumer>> {
        let mut state = lock(&self.state);
        state.closed = true;
        state.consumers.clone()
    }

    /// The state of everything that has started.
    pub(super) fn health(&self) -> Vec<ConsumerHealth> {
        lock(&self.state).consumers.iter().filter_map(|registered| registered.health()).collect()
    }

    /// Everything that has started.
    pub(super) fn started(&self) -> Vec<Arc<RegisteredConsumer>> {
        let state = lock(&self.state);
        state.consumers.iter().filter(|registered| registered.consumer.get().is_some()).cloned().collect()
    }

    /// The names of the subscriptions that have started.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let state = lock(&self.state);
        let started = state.consumers.iter().filter(|registered| registered.consumer.get().is_some());
        let subscriptions = started.filter(|registered| registered.kind == ConsumerKind::Subscription);
        subscriptions.map(|registered| registered.name.clone()).collect()
    }
}

impl RegisteredConsumer {
    pub(super) fn consumer(&self) -> Option<&Arc<dyn Consumer>> {
        self.consumer.get()
    }

    pub(super) fn health(&self) -> Option<ConsumerHealth> {
        let consumer = self.consumer.get()?;
        let consuming = consumer.is_consuming();
        let problem = consumer.problem().filter(|_| !consuming);
        Some(ConsumerHealth {
            kind: self.kind,
            name: self.name.clone(),
            consuming,
            problem,
            repeats: self.repeats.count(),
        })
    }
}

impl fmt::Debug for RegisteredConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredConsumer")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

impl Reservation<'_> {
    /// Keeps the name for the consumer, which has started.
    pub(super) fn fulfil(self, consumer: Arc<dyn Consumer>) -> Arc<RegisteredConsumer> {
        let _ = self.registered.consumer.set(consumer);
        Arc::clone(&self.registered)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.registered.consumer.get().is_none() {
            // It may have been handed something already.
            self.registered.tasks.start_draining();
            self.registry.remove(&self.registered);
        }
    }
}
