//! The broker that the tests use.

use std::future::Future;
use std::time::Duration;

use lightbus::{Bus, BusBuilder};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use url::Url;

/// Far longer than anything here takes: what has not happened by then never will.
pub const GUARD: Duration = Duration::from_secs(60);

/// A variable that `./scripts/test` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with ./scripts/test, which starts a broker"))
}

pub fn url() -> Url {
    Url::parse(&variable("LIGHTBUS_TEST_URL")).unwrap()
}

/// A namespace that only one test uses.
pub fn fresh_namespace() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple().to_string().split_off(6))
}

pub fn process(service: &str, namespace: &str) -> BusBuilder {
    Bus::service(service).url(url()).namespace(namespace)
}

/// A process that connects by another URL than the rest.
pub fn process_by(url: &Url, service: &str, namespace: &str) -> BusBuilder {
    Bus::service(service).url(url.as_str()).namespace(namespace)
}

/// The broker as it is without Lightbus.
pub async fn raw_channel() -> lapin::Channel {
    raw_channel_by(&url()).await
}

/// The same, as another user or on another virtual host.
pub async fn raw_channel_by(url: &Url) -> lapin::Channel {
    let connection = lapin::Connection::connect(url.as_str(), lapin::ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    // A connection closes with its last handle; the channel holds none.
    std::mem::forget(connection);
    channel
}

/// Fails the test when the future does not end.
pub async fn guarded<F: Future>(future: F) -> F::Output {
    timeout(GUARD, future).await.expect("it never happened")
}

/// What arrives next; the test fails when nothing does.
pub async fn next<T>(arrivals: &mut mpsc::UnboundedReceiver<T>) -> T {
    guarded(arrivals.recv()).await.expect("the sender is gone")
}

/// Looks again and again until a condition holds; the test fails when it never does.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let mut looks = interval(Duration::from_millis(10));
    let holds = async {
        while !condition() {
            looks.tick().await;
        }
    };
    timeout(GUARD, holds).await.unwrap_or_else(|_| panic!("it never happened that {what}"));
}
