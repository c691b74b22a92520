//! `amqps://`.

#![cfg(feature = "tls")]

use std::time::Duration;

use lightbus::{Bus, Error};

use crate::broker::{fresh_namespace, variable};
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
async fn a_file_of_certificates_that_is_not_there_is_named() {
    let bus =
        Bus::service("warranty").url(variable("LIGHTBUS_TEST_TLS_URL")).tls_ca_file("/nowhere/ca.pem").connect().await;
    let error = bus.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem") && error.contains("tls_ca_file"), "{error}");
}
