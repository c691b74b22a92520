//! A bus for one test, and the processes on it.

use std::sync::Mutex;

use lightbus::{Bus, BusBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::broker;

/// A bus that only one test uses.
#[derive(Debug)]
pub struct World {
    url: String,
    namespace: String,
    /// Keeps a bus in memory alive while the test has no process on it.
    anchor: Bus,
    processes: Mutex<Vec<Bus>>,
}

impl World {
    /// Creates a bus in memory.
    pub async fn in_memory() -> Self {
        let namespace = broker::fresh_namespace();
        Self::new(format!("memory://{namespace}"), namespace).await
    }

    /// Creates a bus on the RabbitMQ node of the tests.
    pub async fn on_rabbitmq() -> Self {
        Self::new(broker::url().into(), broker::fresh_namespace()).await
    }

    async fn new(url: String, namespace: String) -> Self {
        let anchor = Bus::service("anchor").url(&url).namespace(&namespace).connect().await.unwrap();
        Self { url, namespace, anchor, processes: Mutex::default() }
    }

    /// Starts building the connection of a process.
    pub fn process(&self, service: &str) -> BusBuilder {
        Bus::service(service).url(&self.url).namespace(&self.namespace)
    }

    /// Connects a process. [`end`](Self::end) shuts it down.
    pub async fn join(&self, service: &str) -> Bus {
        self.keep(self.process(service).connect().await.unwrap())
    }

    /// Has [`end`](Self::end) shut down this process too.
    pub fn keep(&self, bus: Bus) -> Bus {
        self.processes.lock().unwrap().push(bus.clone());
        bus
    }

    /// Connects a process that can be killed. It has its own runtime, on which `set_up` runs.
    pub async fn killable<F>(&self, service: &str, set_up: impl FnOnce(Bus) -> F + Send + 'static) -> KillableProcess
    where
        F: Future<Output = ()> + Send,
    {
        let process = self.process(service);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime
            .spawn(async move {
                let bus = process.connect().await.unwrap();
                set_up(bus).await;
            })
            .await
            .unwrap();
        KillableProcess { runtime: Some(runtime) }
    }

    /// Shuts down every process.
    pub async fn end(self) {
        let processes = self.processes.into_inner().unwrap();
        for process in processes.iter().chain([&self.anchor]) {
            process.shutdown().await;
        }
    }
}

/// A process that can be killed: it finishes nothing and says goodbye to nobody.
#[derive(Debug)]
pub struct KillableProcess {
    runtime: Option<Runtime>,
}

impl KillableProcess {
    /// Kills the process. Dropping it does the same.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for KillableProcess {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
