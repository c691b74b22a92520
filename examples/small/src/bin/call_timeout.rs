//! Limits how long a call may take.
//!
//! ```text
//! 42 °C
//! no answer within 100ms
//! ```

use std::time::Duration;

use lightbus::prelude::*;

#[lightbus::api(name = "small.thermometer")]
trait Thermometer {
    /// Returns the temperature of an oven. Calls have five seconds by default, and calls of this method have one.
    #[rpc(timeout = "1s", idempotent)]
    async fn read(&self, oven: u32) -> i32;
}

struct Sensors;

impl Thermometer for Sensors {
    async fn read(&self, oven: u32) -> i32 {
        if oven == 7 {
            tokio::time::sleep(Duration::from_secs(2)).await; // a slow sensor
        }
        42
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("kitchen").url("memory://").connect().await?;
    bus.serve(ThermometerServer::new(Sensors)).await?;

    let thermometer = ThermometerClient::new(&bus);
    println!("{} °C", thermometer.read(1).await?);
    match thermometer.read(7).timeout(Duration::from_millis(100)).await {
        Err(CallError::DeadlineExceeded { timeout, .. }) => println!("no answer within {timeout:?}"),
        other => println!("not expected: {other:?}"),
    }
    bus.shutdown().await;
    Ok(())
}
