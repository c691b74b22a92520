//! Lightbus through its public API.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use lightbus::config::QueueType;
use lightbus::prelude::*;

use crate::contestant;
use crate::idle;
use crate::message::{self, Check, Cover, Tally};
use crate::place::{Place, QueueKind, SUBSCRIBER};

/// The API that is called and publishes the events.
#[lightbus::api(name = "bench.warranty")]
pub(crate) trait Warranty {
    /// The cover of one product.
    async fn check(&self, serial: &str, customer: u64, note: &str) -> Cover;

    /// A customer registered a product.
    #[event]
    fn registered(serial: String, customer: u64, note: String);
}

struct Desk;

impl Warranty for Desk {
    async fn check(&self, serial: &str, customer: u64, note: &str) -> Cover {
        message::check(serial, customer, note)
    }
}

async fn connect(place: &Place, service: &str) -> lightbus::Result<Bus> {
    Bus::service(service).url(&place.url).namespace(&place.namespace).connect().await
}

/// Serves the API, and a number of others that receive no calls.
pub(crate) async fn serve(place: &Place, queue: QueueKind, idle_apis: usize) -> Result<()> {
    let queue = match queue {
        QueueKind::Classic => QueueType::Classic,
        QueueKind::Quorum => QueueType::Quorum,
    };
    let builder = Bus::service("server").url(&place.url).namespace(&place.namespace);
    let bus = builder.rpc_queue_type(queue).connect().await?;
    bus.serve(WarrantyServer::new(Desk)).await?;
    idle::serve(&bus, idle_apis).await?;
    keep(bus);
    Ok(())
}

pub(crate) async fn subscribe(place: &Place, count: usize, concurrency: u16, tally: &Arc<Tally>) -> Result<()> {
    let bus = connect(place, SUBSCRIBER).await?;
    for number in 0..count {
        let tally = Arc::clone(tally);
        let handler = move |event: Registered| {
            let tally = Arc::clone(&tally);
            async move { tally.handle(event.customer) }
        };
        bus.subscribe(&format!("s{number}"), handler).concurrency(concurrency).await?;
    }
    keep(bus);
    Ok(())
}

/// Runs until the process ends.
fn keep(bus: Bus) {
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(bus);
    });
}

#[derive(Clone)]
pub(crate) struct Caller {
    client: WarrantyClient,
}

impl Caller {
    pub(crate) async fn connect(place: &Place, deadline: Duration) -> Result<Self> {
        let builder = Bus::service("caller").url(&place.url).namespace(&place.namespace).call_timeout(deadline);
        Ok(Self { client: WarrantyClient::new(&builder.connect().await?) })
    }
}

impl contestant::Caller for Caller {
    async fn call(&self, check: &Check<'_>) -> Result<Cover> {
        Ok(self.client.check(check.serial, check.customer, check.note).await?)
    }
}

#[derive(Clone)]
pub(crate) struct Publisher {
    bus: Bus,
}

impl Publisher {
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let bus = connect(place, "publisher").await?;
        bus.own_api::<WarrantyApi>();
        Ok(Self { bus })
    }
}

impl contestant::Publisher for Publisher {
    async fn publish(&self, event: &Check<'_>) -> Result<()> {
        let Check { serial, customer, note } = *event;
        Ok(self.bus.publish(Registered { serial: serial.to_owned(), customer, note: note.to_owned() }).await?)
    }
}
