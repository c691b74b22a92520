//! What a process logs about its connection, to a subscriber that nobody configured further.
//!
//! The tests need a broker: run them with `./scripts/test`. They use no lapin of their own, since that would log, too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, process_at, url};
use lightbus_test_support::log;
use lightbus_test_support::wait::guarded;
use tokio::net::TcpListener;

const SECRET: &str = "nobody-must-read-this";

#[lightbus::api(name = "log.desk")]
trait Desk {
    async fn keep(&self, secret: &str);
    async fn count(&self) -> u64;
}

struct Clerk;

impl Desk for Clerk {
    async fn keep(&self, _: &str) {}
    async fn count(&self) -> u64 {
        1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lapin_does_not_log() {
    log::capture();
    let mut wrong = url();
    wrong.set_username("guest").unwrap();
    wrong.set_password(Some("wrong")).unwrap();
    process_at(&wrong, "desk", &fresh_namespace()).connect().await.unwrap_err();

    for _ in 0..5 {
        let namespace = fresh_namespace();
        let caller = process("caller", &namespace).connect().await.unwrap();
        // The broker returns the request with its body.
        let error = DeskClient::new(&caller).keep(SECRET).await.unwrap_err();
        assert!(matches!(error, CallError::NoServer { .. }), "{error:?}");
        let server = process("desk", &namespace).connect().await.unwrap();
        server.serve(DeskServer::new(Clerk)).await.unwrap();
        // The broker refuses to declare the queue with another expiry, and closes the channel.
        let other = process("desk", &namespace).rpc_queue_expiry(Duration::from_secs(7)).connect().await.unwrap();
        other.serve(DeskServer::new(Clerk)).await.unwrap_err();
        DeskClient::new(&caller).count().await.unwrap();
        caller.shutdown().await;
        server.shutdown().await;
        // A process that ends without a shutdown.
        drop(other);
    }
    let text = log::text();
    assert!(text.contains("connected to"), "{text}");
    assert!(!text.contains("lapin") && !text.contains(SECRET), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_logged_once() {
    log::capture();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut nowhere = url();
    nowhere.set_port(Some(port)).unwrap();
    let connecting = process_at(&nowhere, "desk", &fresh_namespace()).connect_timeout(Duration::from_secs(3));
    guarded(connecting.connect()).await.unwrap_err();
    let text = log::text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains(&format!(":{port}"))).collect();
    assert!(matches!(&lines[..], [line] if line.contains("WARN") && line.contains("connection refused")), "{lines:#?}");
}

/// On a `current_thread` runtime, a handler that blocks also blocks the bus.
#[tokio::test]
async fn a_blocked_runtime_is_named_as_the_cause() {
    log::capture();
    let bus = process("desk", &fresh_namespace()).connect().await.unwrap();
    // The sleep is the fault itself.
    std::thread::sleep(Duration::from_secs(6));
    log::wait_for(&["WARN", "the tokio runtime was blocked for", "spawn_blocking"]).await;
    bus.shutdown().await;
}
