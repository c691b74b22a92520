//! Lightbus as its README uses it: the runtime of `#[tokio::main]`, defaults throughout.

use std::error::Error;
use std::sync::Arc;

use lightbus::prelude::*;

use crate::measure::{self, CUSTOMER, Handled, UNTIL};

/// The answer to a check.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cover {
    ok: bool,
    until: String,
}

/// What is measured.
#[lightbus::api(name = "peers.warranty")]
pub(crate) trait Warranty {
    /// The cover of one product.
    async fn check(&self, serial: &str, customer: u64, note: &str) -> Cover;

    /// Somebody asked for the cover of a product.
    #[event]
    fn checked(serial: String, customer: u64, note: String);
}

struct Desk;

impl Warranty for Desk {
    async fn check(&self, _serial: &str, _customer: u64, _note: &str) -> Cover {
        Cover { ok: true, until: UNTIL.to_owned() }
    }
}

pub(crate) async fn serve(url: &str) -> Result<(), Box<dyn Error>> {
    let bus = Bus::service("warranty").url(url).connect().await?;
    bus.serve(WarrantyServer::new(Desk)).await?;
    measure::ready();
    Ok(bus.run().await?)
}

pub(crate) async fn call(url: &str, in_flight: usize, seconds: u64) -> Result<(), Box<dyn Error>> {
    let bus = Bus::service("support").url(url).connect().await?;
    let warranty = WarrantyClient::new(&bus);
    let check = move |number| {
        let warranty = warranty.clone();
        async move {
            let cover = warranty.check(&measure::serial(number), CUSTOMER, &measure::note()).await?;
            Ok::<_, CallError>(cover.ok && cover.until == UNTIL)
        }
    };
    measure::calls(check, in_flight, seconds).await?;
    bus.shutdown().await;
    Ok(())
}

pub(crate) async fn subscribe(url: &str, events: usize) -> Result<(), Box<dyn Error>> {
    let bus = Bus::service("audit").url(url).connect().await?;
    let handled = Arc::new(Handled::new(events));
    bus.subscribe("audit", move |_: Checked| {
        let handled = Arc::clone(&handled);
        async move { handled.one() }
    })
    .await?;
    measure::ready();
    Ok(bus.run().await?)
}

pub(crate) async fn publish(url: &str, events: usize) -> Result<(), Box<dyn Error>> {
    let bus = Bus::service("warranty").url(url).connect().await?;
    bus.own_api::<WarrantyApi>();
    let checked = |number| {
        let event = Checked { serial: measure::serial(number), customer: CUSTOMER, note: measure::note() };
        bus.publish(event)
    };
    measure::publish(checked, events).await?;
    bus.shutdown().await;
    Ok(())
}
