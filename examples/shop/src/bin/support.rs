//! The support application: subscribes to an event and calls the warranty desk.

use std::time::Duration;

use lightbus::prelude::*;
use shop::{CoverChecked, WarrantyClient};

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let bus = Bus::service("support").connect().await?;
    bus.subscribe("audit", |event: CoverChecked| async move {
        println!("event:  {} was checked, covered: {}", event.serial, event.covered);
    })
    .await?;

    let warranty = WarrantyClient::new(&bus);
    // Two calls at the same time.
    let (known, unknown) =
        tokio::join!(warranty.check("SN-0042"), warranty.check("XY-1").timeout(Duration::from_secs(1)));
    println!("answer: covered until {}", known?.until);

    match unknown {
        Err(CallError::Method { error, .. }) => println!("error:  {error}"),
        other => println!("unexpected: {other:?}"),
    }
    println!("support is listening; press Ctrl-C to stop it");
    bus.run().await
}
