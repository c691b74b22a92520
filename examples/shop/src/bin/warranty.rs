//! The warranty application: serves its API and publishes its event.

use lightbus::prelude::*;
use shop::{Cover, CoverChecked, Warranty, WarrantyError, WarrantyServer};

struct Desk {
    bus: Bus,
}

impl Warranty for Desk {
    async fn check(&self, serial: &str) -> Result<Cover, WarrantyError> {
        println!("checking {serial}");
        let covered = serial.starts_with("SN-");
        let event = CoverChecked { serial: serial.to_owned(), covered };
        // Returns once the broker has persisted the event.
        if let Err(error) = self.bus.publish(event).await {
            eprintln!("{error}");
        }
        if covered {
            Ok(Cover { until: "2027-05-01".to_owned() })
        } else {
            Err(WarrantyError::UnknownProduct { serial: serial.to_owned() })
        }
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let bus = Bus::service("warranty").connect().await?;
    bus.serve(WarrantyServer::new(Desk { bus: bus.clone() })).await?;
    println!("warranty is ready; press Ctrl-C to stop it");
    bus.run().await
}
