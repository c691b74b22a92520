//! The API that the tests use.

use std::sync::Arc;

use lightbus::prelude::*;
use lightbus::{Bus, ConsumerHandle, Serve};
use tokio::sync::{Semaphore, mpsc};

#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum ShopError {
    #[error("no product has the serial number {serial}")]
    UnknownProduct { serial: String },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    pub until: String,
}

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn check(&self, serial: &str) -> Result<Cover, ShopError>;
    /// Says that it has begun, and ends when it is let go.
    async fn hold(&self);
    #[event]
    fn product_registered(serial: String, customer: u64);
}

pub struct Desk {
    begun: mpsc::UnboundedSender<()>,
    gate: Arc<Semaphore>,
}

impl Warranty for Desk {
    async fn check(&self, serial: &str) -> Result<Cover, ShopError> {
        match serial {
            "SN-0042" => Ok(Cover { until: "2027-05-01".into() }),
            _ => Err(ShopError::UnknownProduct { serial: serial.into() }),
        }
    }

    async fn hold(&self) {
        let _ = self.begun.send(());
        self.gate.acquire().await.unwrap().forget();
    }
}

/// Serves a desk: tells when a `hold` has begun, and lets one go for each permit.
pub async fn serve(bus: &Bus) -> (mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    serve_with(bus, |serve| serve).await
}

/// The same, with settings.
pub async fn serve_with(bus: &Bus, set: impl FnOnce(Serve) -> Serve) -> (mpsc::UnboundedReceiver<()>, Arc<Semaphore>) {
    let (begun, receiver) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    set(bus.serve(WarrantyServer::new(Desk { begun, gate: gate.clone() }))).await.unwrap();
    (receiver, gate)
}

/// Subscribes, and sends the serial of each event that arrives.
pub async fn collect(bus: &Bus) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    bus.subscribe("registrations", move |event: ProductRegistered| {
        let _ = sender.send(event.serial);
        async {}
    })
    .await
    .unwrap();
    receiver
}

pub fn registered(serial: &str) -> ProductRegistered {
    ProductRegistered { serial: serial.into(), customer: 1811 }
}

/// Tries to serve a desk.
pub async fn try_serve(bus: &Bus) -> lightbus::Result<ConsumerHandle> {
    let (begun, _) = mpsc::unbounded_channel();
    bus.serve(WarrantyServer::new(Desk { begun, gate: Arc::new(Semaphore::new(0)) })).await
}

/// An API with nothing in it but a method.
#[lightbus::api(name = "company.bell")]
pub trait Bell {
    async fn ring(&self) -> String;
}

pub struct Brass;

impl Bell for Brass {
    async fn ring(&self) -> String {
        "ding".to_owned()
    }
}
