//! The services that are tested, and the messages of panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lightbus::prelude::*;
use lightbus::testing::TestBus;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub(crate) enum WarrantyError {
    #[error("no product has the serial number {serial}")]
    UnknownProduct { serial: String },
}

#[lightbus::api(name = "company.sales")]
pub(crate) trait Sales {
    #[event]
    fn product_sold(serial: String, year: u16);
}

#[lightbus::api(name = "company.warranty")]
pub(crate) trait Warranty {
    async fn check(&self, serial: &str, year: u16) -> Result<u16, WarrantyError>;
    async fn registered(&self) -> u64;
    #[event]
    fn cover_started(serial: String, until: u16);
}

#[lightbus::api(name = "company.support")]
pub(crate) trait Support {
    async fn open_case(&self, serial: String) -> String;
    #[event]
    fn case_opened(serial: String);
}

pub(crate) fn sold(serial: &str) -> ProductSold {
    ProductSold { serial: serial.to_owned(), year: 2026 }
}

pub(crate) fn started(serial: &str, until: u16) -> CoverStarted {
    CoverStarted { serial: serial.to_owned(), until }
}

/// Starts a cover of two years for each product sold.
pub(crate) async fn start_warranty(bus: &TestBus) -> lightbus::Result<Bus> {
    let warranty = bus.service("warranty").connect().await?;
    warranty.own_api::<WarrantyApi>();
    let publisher = warranty.clone();
    warranty
        .subscribe("start-cover", move |sold: ProductSold| {
            let publisher = publisher.clone();
            async move { publisher.publish(started(&sold.serial, sold.year + 2)).await }
        })
        .await?;
    Ok(warranty)
}

struct Desk(WarrantyClient);

impl Support for Desk {
    async fn open_case(&self, serial: String) -> String {
        match self.0.check(&serial, 2026).await {
            Ok(until) => format!("covered until {until}"),
            Err(error) => error.to_string(),
        }
    }
}

/// Asks warranty about each case.
pub(crate) async fn start_support(bus: &TestBus) -> lightbus::Result<SupportClient> {
    let support = bus.service("support").connect().await?;
    support.serve(SupportServer::new(Desk(WarrantyClient::new(&support)))).await?;
    Ok(SupportClient::new(bus.tester()))
}

/// What an assertion says when it fails.
#[track_caller]
pub(crate) fn failure<T>(assertion: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(assertion)) {
        Ok(_) => panic!("the assertion holds"),
        Err(panic) => message(panic),
    }
}

pub(crate) fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}
