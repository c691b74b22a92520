//! One build shows every refusal, and nothing else: what was not refused is there for the code that uses it.

use lightbus::Bus;

#[lightbus::api(name = "Company.Warranty")]
pub trait Warranty {
    async fn registered(&self) -> u64;

    async fn check(&self, serial: Option<&str>) -> Result<u64>;

    #[rpc(timeout = "2 seconds")]
    async fn slow(&self);

    #[event]
    fn product_registered(serial: String);

    #[event]
    fn refused(serial: &str);
}

struct Desk;

impl Warranty for Desk {
    async fn registered(&self) -> u64 {
        42
    }
}

async fn used(bus: &Bus) -> Result<(), Box<dyn std::error::Error>> {
    bus.serve(WarrantyServer::new(Desk)).await?;
    bus.publish(ProductRegistered { serial: "SN-0042".to_owned() }).await?;
    let _: u64 = WarrantyClient::new(bus).registered().await?;
    Ok(())
}

fn main() {
    let _ = used;
}
