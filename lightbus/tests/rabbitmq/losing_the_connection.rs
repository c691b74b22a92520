//! A connection that is lost, and the one after it.

use std::time::Duration;

use futures_util::FutureExt;
use lightbus::Error;
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, process_at};
use lightbus_test_support::relay::{Relay, Traffic};
use lightbus_test_support::wait::{GUARD, eventually, guarded, next};

use crate::shop::{self, WarrantyApi, WarrantyClient, registered};

const SOON: Duration = Duration::from_millis(300);

/// A caller whose connection was cut in the middle of a call.
struct CutOff {
    relay: Relay,
    server: Bus,
    caller: Bus,
    /// What the call ended with.
    error: CallError,
}

impl CutOff {
    async fn during_a_call() -> Self {
        let (relay, namespace) = (Relay::start().await, fresh_namespace());
        let server = process("warranty", &namespace).connect().await.unwrap();
        let caller = process_at(relay.url(), "support", &namespace).connect().await.unwrap();
        let (mut begun, gate) = shop::serve(&server).await;
        // Were it not ended by the loss, it would end as a timeout.
        let call = tokio::spawn(WarrantyClient::new(&caller).hold().timeout(GUARD).into_future());
        next(&mut begun).await;
        relay.cut();
        let error = guarded(call).await.unwrap().unwrap_err();
        gate.add_permits(1);
        Self { relay, server, caller, error }
    }

    async fn end(self) {
        self.caller.shutdown().await;
        self.server.shutdown().await;
    }
}

#[tokio::test]
async fn pending_calls_end_at_once_and_later_calls_succeed() {
    let cut_off = CutOff::during_a_call().await;
    let CutOff { relay, caller, error, .. } = &cut_off;
    assert!(
        matches!(error, CallError::OutcomeUnknown { method, .. } if method == "company.warranty.hold"),
        "{error:?}"
    );
    assert_eq!(caller.calls_in_flight(), 0);

    relay.restore();
    let cover = WarrantyClient::new(caller).check("SN-0042").timeout(GUARD).await.unwrap();
    assert_eq!(cover.until, "2027-05-01");
    cut_off.end().await;
}

#[tokio::test]
async fn a_call_without_a_connection_is_not_sent() {
    let cut_off = CutOff::during_a_call().await;
    let error = WarrantyClient::new(&cut_off.caller).check("SN-0042").timeout(SOON).await.unwrap_err();
    assert!(matches!(&error, CallError::NotConnected { timeout, .. } if *timeout == SOON), "{error:?}");
    assert!(!error.may_have_run());
    cut_off.end().await;
}

#[tokio::test]
async fn a_server_serves_again() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let server = process_at(relay.url(), "warranty", &namespace).connect().await.unwrap();
    let caller = process("support", &namespace).connect().await.unwrap();
    shop::serve(&server).await;
    let warranty = WarrantyClient::new(&caller);
    for _ in 0..3 {
        warranty.check("SN-0042").timeout(GUARD).await.unwrap();
        relay.cut();
        // A call that came before that would find the server that is lost.
        eventually("the loss was noticed", || !server.health().is_healthy()).await;
        relay.restore();
        eventually("the server serves again", || server.health().is_healthy()).await;
    }
    warranty.check("SN-0042").timeout(GUARD).await.unwrap();
    caller.shutdown().await;
    server.shutdown().await;
}

#[tokio::test]
async fn events_wait_while_publisher_or_subscriber_is_disconnected() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let desk = process_at(relay.url(), "warranty", &namespace).connect().await.unwrap();
    let audit = process_at(relay.url(), "audit", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    let mut arrivals = shop::collect(&audit).await;
    desk.publish(registered("before")).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "before");

    relay.cut();
    let publishing = tokio::spawn(desk.publish(registered("meanwhile")).timeout(GUARD).into_future());
    relay.restore();
    guarded(publishing).await.unwrap().unwrap();
    let mut arrived = next(&mut arrivals).await;
    // The broker may not have learnt in time that it was handled.
    while arrived == "before" {
        arrived = next(&mut arrivals).await;
    }
    assert_eq!(arrived, "meanwhile");
    desk.shutdown().await;
    audit.shutdown().await;
}

#[tokio::test]
async fn a_publish_without_a_connection_says_so() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let desk = process_at(relay.url(), "warranty", &namespace).connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    desk.publish(registered("before")).await.unwrap();
    relay.cut();
    // The first may still leave before the loss is noticed; the second finds no connection.
    let first = desk.publish(registered("lost")).timeout(SOON).await.unwrap_err();
    assert!(matches!(&first, Error::NotConnected { .. } | Error::NotConfirmed { .. }), "{first:?}");
    let error = desk.publish(registered("lost")).timeout(SOON).await.unwrap_err();
    assert!(matches!(&error, Error::NotConnected { timeout, .. } if *timeout == SOON), "{error:?}");
    desk.shutdown().await;
}

/// The broker may have the event, so it must not be said that it was refused.
#[tokio::test]
async fn a_publish_that_a_shutdown_leaves_unconfirmed_says_so() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let builder = process_at(relay.url(), "warranty", &namespace).shutdown_timeout(SOON);
    let desk = builder.connect().await.unwrap();
    desk.own_api::<WarrantyApi>();
    desk.publish(registered("before")).await.unwrap();
    // Whatever is sent arrives; no confirm comes back.
    relay.set(Traffic::OPEN, Traffic::HELD);
    let mut publish = desk.publish(registered("unconfirmed")).timeout(GUARD).into_future();
    assert!((&mut publish).now_or_never().is_none());
    let (_, published) = tokio::join!(guarded(desk.shutdown()), guarded(publish));
    let error = published.unwrap_err();
    assert!(matches!(&error, Error::NotConfirmed { reason, .. } if reason.contains("shut down")), "{error:?}");
    assert!(matches!(desk.publish(registered("late")).await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_broker_that_is_gone() {
    let (relay, namespace) = (Relay::start().await, fresh_namespace());
    let server = process_at(relay.url(), "warranty", &namespace).connect().await.unwrap();
    shop::serve(&server).await;
    shop::collect(&server).await;
    relay.cut();
    guarded(server.shutdown()).await;
}
