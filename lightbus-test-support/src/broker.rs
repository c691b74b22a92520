//! The RabbitMQ node that `scripts/test` starts for the tests.

use lapin::{Channel, Connection, ConnectionProperties};
use lightbus::{Bus, BusBuilder};
use url::Url;

use crate::environment::variable;

/// Returns the URL of the node.
pub fn url() -> Url {
    Url::parse(&variable("LIGHTBUS_TEST_URL")).unwrap()
}

/// Returns a namespace that no other test uses.
pub fn fresh_namespace() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple().to_string().split_off(6))
}

/// Starts building the connection of a process.
pub fn process(service: &str, namespace: &str) -> BusBuilder {
    process_at(&url(), service, namespace)
}

/// Starts building the connection of a process by another URL, such as that of a relay.
pub fn process_at(url: &Url, service: &str, namespace: &str) -> BusBuilder {
    Bus::service(service).url(url.as_str()).namespace(namespace)
}

/// Opens a channel without Lightbus.
pub async fn raw_channel() -> Channel {
    raw_channel_at(&url()).await
}

/// Opens a channel without Lightbus by another URL, such as that of another user or virtual host.
pub async fn raw_channel_at(url: &Url) -> Channel {
    let connection = Connection::connect(url.as_str(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    // A connection closes when its last handle is dropped, and the channel holds none.
    std::mem::forget(connection);
    channel
}
