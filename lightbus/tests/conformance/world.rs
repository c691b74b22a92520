//! A bus of its own for each test, and processes on it.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use lightbus::{Bus, BusBuilder};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

/// Far longer than anything here takes: what has not happened by then never will.
pub const GUARD: Duration = Duration::from_secs(60);

/// A bus that only one test uses.
pub struct World {
    url: String,
    namespace: String,
    /// Keeps a bus in memory alive when no process of the test is on it.
    anchor: Bus,
    processes: Mutex<Vec<Bus>>,
}

impl World {
    pub async fn in_memory() -> Self {
        let namespace = fresh_name();
        Self::new(format!("memory://{namespace}"), namespace).await
    }

    pub async fn on_rabbitmq() -> Self {
        let url = std::env::var("LIGHTBUS_TEST_URL")
            .expect("LIGHTBUS_TEST_URL names no broker: run the tests with ./scripts/test, which starts one");
        Self::new(url, fresh_name()).await
    }

    async fn new(url: String, namespace: String) -> Self {
        let anchor = Bus::service("anchor").url(&url).namespace(&namespace).connect().await.unwrap();
        Self { url, namespace, anchor, processes: Mutex::default() }
    }

    /// A connection of a process of that service, to be set up further.
    pub fn process(&self, service: &str) -> BusBuilder {
        Bus::service(service).url(&self.url).namespace(&self.namespace)
    }

    /// A process of that service. It is shut down with the world.
    pub async fn join(&self, service: &str) -> Bus {
        self.keep(self.process(service).connect().await.unwrap())
    }

    /// Shuts the process down with the world.
    pub fn keep(&self, bus: Bus) -> Bus {
        self.processes.lock().unwrap().push(bus.clone());
        bus
    }

    /// A process of that service that can be killed. It has a runtime of its own, on which `set_up` runs.
    pub async fn doomed<F>(&self, service: &str, set_up: impl FnOnce(Bus) -> F + Send + 'static) -> Doomed
    where
        F: Future<Output = ()> + Send,
    {
        let process = self.process(service);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime
            .spawn(async move {
                let bus = process.connect().await.unwrap();
                set_up(bus).await;
            })
            .await
            .unwrap();
        Doomed { runtime: Some(runtime) }
    }

    pub async fn end(self) {
        let processes = self.processes.into_inner().unwrap();
        for process in processes.iter().chain([&self.anchor]) {
            process.shutdown().await;
        }
    }
}

/// A process that can be killed: nothing of it finishes, nothing says good-bye.
pub struct Doomed {
    runtime: Option<tokio::runtime::Runtime>,
}

impl Doomed {
    pub fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn fresh_name() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple().to_string().split_off(6))
}

/// What arrives next; the test fails when nothing does.
pub async fn next<T>(arrivals: &mut mpsc::UnboundedReceiver<T>) -> T {
    guarded(arrivals.recv()).await.expect("the sender is gone")
}

/// Everything that has arrived and waits.
pub fn waiting<T>(arrivals: &mut mpsc::UnboundedReceiver<T>) -> Vec<T> {
    std::iter::from_fn(|| arrivals.try_recv().ok()).collect()
}

/// Fails the test when the future does not end.
pub async fn guarded<F: Future>(future: F) -> F::Output {
    timeout(GUARD, future).await.expect("it never happened")
}

/// Looks again and again until a condition holds; the test fails when it never does.
pub async fn eventually<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let mut looks = interval(Duration::from_millis(10));
    guarded(async {
        while !condition().await {
            looks.tick().await;
        }
    })
    .await;
}
