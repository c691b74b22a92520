//! `amqps://`.

#![cfg(feature = "tls")]

use std::time::Duration;

use lightbus::{Bus, Error};
use lightbus_test_support::broker::fresh_namespace;
use lightbus_test_support::environment::variable;
use lightbus_test_support::relay::Relay;
use lightbus_test_support::wait::guarded;
use url::Url;

use crate::shop::{self, WarrantyClient};

#[tokio::test]
async fn a_broker_with_a_trusted_certificate_is_used() {
    let bus = Bus::service("warranty")
        .url(variable("LIGHTBUS_TEST_TLS_URL"))
        .tls_ca_file(variable("LIGHTBUS_TEST_CA_FILE"))
        .namespace(fresh_namespace())
        .connect()
        .await
        .unwrap();
    shop::serve(&bus).await;
    assert_eq!(WarrantyClient::new(&bus).check("SN-0042").await.unwrap().until, "2027-05-01");
    bus.shutdown().await;
}

#[tokio::test]
async fn a_broker_whose_certificate_is_not_trusted_is_refused() {
    let bus = Bus::service("warranty")
        .url(variable("LIGHTBUS_TEST_TLS_URL"))
        .tls_ca_file(variable("LIGHTBUS_TEST_WRONG_CA_FILE"))
        .namespace(fresh_namespace())
        .connect_timeout(Duration::from_millis(500))
        .connect()
        .await;
    let error = bus.map(|_| ()).unwrap_err();
    let Error::CannotConnect { reason, advice, .. } = &error else { panic!("{error:?}") };
    assert!(reason.contains("ertificate") && advice.contains("tls_ca_file"), "{error}");
}

#[tokio::test]
async fn a_missing_certificate_file_is_named() {
    let bus =
        Bus::service("warranty").url(variable("LIGHTBUS_TEST_TLS_URL")).tls_ca_file("/nowhere/ca.pem").connect().await;
    let error = bus.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem") && error.contains("tls_ca_file"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_certificate_must_match_the_host_in_use() {
    let good = Url::parse(&variable("LIGHTBUS_TEST_TLS_URL")).unwrap();
    // The certificate is made out to localhost and to 127.0.0.1.
    let (one, two) = (Relay::listening_on("127.0.0.2", &good).await, Relay::listening_on("127.0.0.3", &good).await);
    let authority = |url: &Url| format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let by = |hosts: [&Url; 2]| {
        let url = format!("amqps://guest:guest@{}", hosts.map(authority).join(","));
        Bus::service("warranty").url(url).tls_ca_file(variable("LIGHTBUS_TEST_CA_FILE")).namespace(fresh_namespace())
    };
    // Whichever of them is tried first.
    for _ in 0..4 {
        guarded(by([one.url(), &good]).connect()).await.unwrap().shutdown().await;
    }
    let in_vain = by([one.url(), two.url()]).connect_timeout(Duration::from_millis(500)).connect();
    let error = guarded(in_vain).await.map(|_| ()).unwrap_err().to_string();
    for host in [one.url(), two.url()] {
        assert!(error.contains(&format!("{}: its TLS certificate is not trusted", authority(host))), "{error}");
    }
}
