//! The first connection.

use std::time::Duration;

use lightbus::{Bus, Error};
use lightbus_test_support::broker::{fresh_namespace, process_at, url};
use lightbus_test_support::command::run;
use lightbus_test_support::environment::variable;
use lightbus_test_support::relay::Relay;
use lightbus_test_support::wait::{GUARD, dropped_after, eventually, guarded, next};
use tokio::net::TcpListener;
use url::Url;

use crate::shop::{self, WarrantyApi, WarrantyClient};

const SOON: Duration = Duration::from_millis(300);

fn refused(result: Result<Bus, Error>) -> (String, String) {
    let error = result.map(|_| ()).unwrap_err();
    let text = format!("{error}\n{error:?}");
    match error {
        Error::CannotConnect { url, advice, .. } => {
            assert!(url.contains("***"), "{url}");
            (text, advice.to_owned())
        }
        other => panic!("{other:?}"),
    }
}

fn with_password(mut url: Url, password: &str) -> Url {
    url.set_username("guest").unwrap();
    url.set_password(Some(password)).unwrap();
    url
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_without_its_password() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut nowhere = with_password(url(), "s3cret");
    nowhere.set_port(Some(port)).unwrap();
    let bus = process_at(&nowhere, "warranty", &fresh_namespace()).connect_timeout(SOON).connect().await;
    let (text, advice) = refused(bus);
    assert!(text.contains(&port.to_string()) && text.contains("refused"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!advice.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_is_named_as_the_cause() {
    let error = process_at(&url(), "warranty", &fresh_namespace()).connect().await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::PausedClock { .. }), "{error:?}");
    assert!(format!("{error:?}").contains("use memory:// in tests that pause the clock"), "{error:?}");
}

#[tokio::test]
async fn wrong_credentials_are_reported_at_once() {
    let wrong = with_password(url(), "wr0ng");
    let bus = guarded(process_at(&wrong, "warranty", &fresh_namespace()).connect_timeout(GUARD * 10).connect()).await;
    let (text, advice) = refused(bus);
    assert!(!text.contains("wr0ng"), "{text}");
    assert!(advice.contains("password"), "{advice}");
}

#[tokio::test]
async fn a_missing_virtual_host_is_reported_at_once() {
    let mut elsewhere = url();
    elsewhere.set_path("/nowhere");
    let bus =
        guarded(process_at(&elsewhere, "warranty", &fresh_namespace()).connect_timeout(GUARD * 10).connect()).await;
    let (_, advice) = refused(bus);
    assert!(advice.contains("add_vhost"), "{advice}");
}

#[tokio::test]
async fn a_peer_that_speaks_another_protocol_is_reported() {
    use tokio::io::AsyncWriteExt;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut other = with_password(url(), "s3cret");
    other.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let bus = process_at(&other, "warranty", &fresh_namespace()).connect_timeout(SOON).connect();
    let (text, _) = refused(guarded(bus).await);
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_peer_that_never_responds_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut silent = with_password(url(), "s3cret");
    silent.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let bus = process_at(&silent, "warranty", &fresh_namespace()).connect_timeout(SOON).connect();
    refused(guarded(bus).await);
}

#[tokio::test]
async fn connecting_waits_for_a_broker_that_comes_later() {
    let relay = Relay::start().await;
    relay.cut();
    let connecting =
        tokio::spawn(process_at(relay.url(), "warranty", &fresh_namespace()).connect_timeout(GUARD).connect());
    relay.restore();
    guarded(connecting).await.unwrap().unwrap().shutdown().await;
}

#[tokio::test]
async fn both_forms_of_the_default_virtual_host_work() {
    for path in ["", "/", "/%2f"] {
        let mut default = url();
        default.set_path(path);
        let bus = process_at(&default, "warranty", &fresh_namespace()).connect().await.unwrap();
        bus.shutdown().await;
    }
}

#[tokio::test]
async fn only_consuming_processes_have_a_second_connection() {
    let relay = Relay::start().await;
    let (near, far) = (fresh_namespace(), url());
    let server = process_at(&far, "warranty", &near).connect().await.unwrap();
    shop::serve(&server).await;
    let bus = process_at(relay.url(), "support", &near).connect().await.unwrap();
    let warranty = WarrantyClient::new(&bus);
    warranty.check("SN-0042").timeout(GUARD).await.unwrap();
    assert_eq!(relay.connections(), 1);
    let mut registrations = shop::collect(&bus).await;
    assert_eq!(relay.connections(), 2);
    relay.cut();
    eventually("the connections have ended", || relay.connections() == 0).await;
    relay.restore();
    eventually("both are there again", || relay.connections() == 2 && bus.health().is_healthy()).await;
    server.publish(shop::registered("SN-0042")).await.unwrap();
    assert_eq!(next(&mut registrations).await, "SN-0042");
    bus.shutdown().await;
    eventually("its connections are closed", || relay.connections() == 0).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_user_limited_to_one_connection_is_told_why() {
    const USER: &str = "one-connection";
    let rabbitmqctl = async |arguments: &[&str]| run(&variable("LIGHTBUS_TEST_RABBITMQCTL"), arguments).await;
    rabbitmqctl(&["add_user", USER, USER]).await;
    rabbitmqctl(&["set_permissions", USER, ".*", ".*", ".*"]).await;
    rabbitmqctl(&["set_user_limits", USER, r#"{"max-connections": 1}"#]).await;
    let mut limited = url();
    limited.set_username(USER).unwrap();
    limited.set_password(Some(USER)).unwrap();
    let bus = process_at(&limited, "warranty", &fresh_namespace()).connect().await.unwrap();
    let error = format!("{:#}", guarded(shop::try_serve(&bus)).await.unwrap_err());
    assert!(error.contains("company.warranty") && error.contains("connection for consuming"), "{error}");
    assert!(error.contains("limit (1)") && error.contains("set_user_limits"), "{error}");
    // What needs no second connection goes on.
    bus.own_api::<WarrantyApi>();
    bus.publish(shop::registered("SN-0042")).await.unwrap();
    rabbitmqctl(&["clear_user_limits", USER, "all"]).await;
    shop::serve(&bus).await;
    bus.shutdown().await;
    rabbitmqctl(&["delete_user", USER]).await;
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_no_connection() {
    let relay = Relay::start().await;
    for polls in 0..60 {
        let connect = process_at(relay.url(), "warranty", &fresh_namespace()).connect();
        if let Some(bus) = dropped_after(polls, connect).await {
            bus.unwrap().shutdown().await;
            break;
        }
    }
    eventually("every connection is closed", || relay.connections() == 0).await;
}
