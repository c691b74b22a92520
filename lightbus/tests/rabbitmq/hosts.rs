//! Several hosts in one URL. Each process tries them in an order of its own, so the tests hold for any order.

use std::time::Duration;

use lightbus::{Bus, Error};
use lightbus_test_support::broker::{fresh_namespace, url};
use lightbus_test_support::relay::{Relay, Traffic};
use lightbus_test_support::wait::{GUARD, eventually, guarded};
use tokio::net::TcpListener;
use url::Url;

use crate::shop::{self, WarrantyClient};

const SOON: Duration = Duration::from_millis(300);

/// Enough processes to find each of a few hosts first in the list of one of them, almost certainly.
const PROCESSES: usize = 8;

/// A process that serves has one connection that publishes and one that consumes.
const CONNECTIONS: usize = 2;

/// A URL with these hosts, and with what else that of the broker has.
fn list(hosts: &[&Url], password: &str) -> String {
    let hosts: Vec<_> = hosts.iter().map(|url| authority(url)).collect();
    format!("amqp://guest:{password}@{}{}", hosts.join(","), url().path())
}

fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

/// Where nothing listens: a port that was free a moment ago.
async fn nowhere() -> Url {
    let mut nowhere = url();
    nowhere.set_port(Some(TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port())).unwrap();
    nowhere
}

#[tokio::test]
async fn hosts_that_are_down_are_skipped() {
    let (broken, good, nowhere) = (Relay::start().await, Relay::start().await, nowhere().await);
    broken.cut();
    let hosts = list(&[broken.url(), &nowhere, good.url()], "guest");
    for _ in 0..PROCESSES {
        let bus = Bus::service("warranty").url(&hosts).namespace(fresh_namespace()).connect();
        let bus = guarded(bus).await.unwrap();
        shop::serve(&bus).await;
        assert_eq!(good.connections(), CONNECTIONS);
        bus.shutdown().await;
        eventually("its connections are closed", || good.connections() == 0).await;
    }
}

#[tokio::test]
async fn a_host_that_does_not_respond_is_skipped() {
    let (silent, good) = (Relay::start().await, Relay::start().await);
    silent.set(Traffic::HELD, Traffic::HELD);
    let hosts = list(&[silent.url(), good.url()], "guest");
    let connecting =
        (0..PROCESSES).map(|_| Bus::service("warranty").url(&hosts).namespace(fresh_namespace()).connect());
    for bus in guarded(futures_util::future::join_all(connecting)).await {
        bus.unwrap().shutdown().await;
    }
}

#[tokio::test]
async fn processes_spread_over_the_hosts() {
    let relays = [Relay::start().await, Relay::start().await];
    let hosts = list(&[relays[0].url(), relays[1].url()], "guest");
    let mut buses = Vec::new();
    while relays.iter().any(|relay| relay.connections() == 0) {
        assert!(buses.len() < 64, "all of them went to the same host");
        let bus = Bus::service("warranty").url(&hosts).namespace(fresh_namespace()).connect().await.unwrap();
        shop::serve(&bus).await;
        buses.push(bus);
    }
    for relay in &relays {
        assert_eq!(relay.connections() % CONNECTIONS, 0, "the connections of a process go to one host");
    }
    for bus in buses {
        bus.shutdown().await;
    }
}

#[tokio::test]
async fn a_process_fails_over_to_another_host() {
    let relays = [Relay::start().await, Relay::start().await];
    let hosts = list(&[relays[0].url(), relays[1].url()], "guest");
    let bus = Bus::service("warranty").url(&hosts).namespace(fresh_namespace()).connect().await.unwrap();
    shop::serve(&bus).await;
    let warranty = WarrantyClient::new(&bus);
    for silently in [false, true, false, true] {
        warranty.check("SN-0042").timeout(GUARD).await.unwrap();
        let used = relays.iter().position(|relay| relay.connections() == CONNECTIONS).unwrap();
        let (lost, other) = (&relays[used], &relays[1 - used]);
        assert_eq!(other.connections(), 0);
        if silently {
            lost.set(Traffic::HELD, Traffic::HELD);
        } else {
            lost.cut();
        }
        eventually("it uses the other host", || other.connections() == CONNECTIONS && bus.health().is_healthy()).await;
        lost.restore();
        eventually("the lost connections have ended", || lost.connections() == 0).await;
    }
    bus.shutdown().await;
}

#[tokio::test]
async fn when_no_host_can_be_connected_to_the_error_names_each() {
    let (nowhere, silent) = (nowhere().await, Relay::start().await);
    silent.set(Traffic::HELD, Traffic::HELD);
    let hosts = list(&[&nowhere, silent.url()], "s3cret");
    let bus = Bus::service("warranty").url(hosts).namespace(fresh_namespace()).connect_timeout(SOON).connect();
    let error = guarded(bus).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::CannotConnect { .. }), "{error:?}");
    let text = error.to_string();
    for cause in [
        format!("guest:***@{},{}", authority(&nowhere), authority(silent.url())),
        format!("{}: nothing listens there", authority(&nowhere)),
        format!("{}: nothing was heard of it", authority(silent.url())),
    ] {
        assert!(text.contains(&cause), "{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn wrong_credentials_are_reported_at_once() {
    let hosts = list(&[&nowhere().await, Relay::start().await.url()], "wr0ng");
    let bus = Bus::service("warranty").url(hosts).namespace(fresh_namespace()).connect_timeout(GUARD * 10).connect();
    let error = guarded(bus).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("refused the credentials") && !error.contains("wr0ng"), "{error}");
}
