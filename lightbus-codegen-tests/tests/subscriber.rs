//! What `#[lightbus::subscriber]` makes of methods when they run.

use std::error::Error;
use std::sync::Arc;

use lightbus::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Outcome = Result<(), Box<dyn Error>>;

/// Sales to customers.
#[lightbus::api(name = "subscriber.sales")]
trait Sales {
    #[event]
    fn sold(serial: String);

    #[event]
    fn returned(serial: String);

    #[cfg(absent)]
    #[event]
    fn absent();
}

/// Sends what its handlers were called with.
struct Desk {
    handled: UnboundedSender<String>,
}

#[lightbus::subscriber]
impl Desk {
    fn new() -> (Self, UnboundedReceiver<String>) {
        let (handled, arrivals) = unbounded_channel();
        (Self { handled }, arrivals)
    }

    #[on]
    async fn start_cover(&self, Sold { serial }: Sold) {
        self.tell("start", &serial, None);
    }

    #[on(name = "bill", retries = "none", concurrency = 1, timeout = "5s", dedupe = 10)]
    async fn send_the_bill(&self, mut sold: Sold, #[context] ctx: Context) -> Result<(), HandlerError> {
        sold.serial.push('!');
        self.tell("bill", &sold.serial, Some(&ctx));
        Err(HandlerError::new("the printer is out of paper"))
    }

    #[on]
    async fn r#return(&self, #[context] ctx: &Context, returned: Returned) -> Result<(), std::num::ParseIntError> {
        self.tell("return", &returned.serial, Some(ctx));
        returned.serial.parse::<u32>().map(drop)
    }

    #[cfg(absent)]
    #[on]
    async fn absent(&self, _: Absent) {}

    fn tell(&self, handler: &str, serial: &str, ctx: Option<&Context>) {
        let service = ctx.map_or("nobody", Context::service);
        let _ = self.handled.send(format!("{handler} {serial} {service}"));
    }
}

async fn bus() -> lightbus::Result<Bus> {
    let bus = Bus::service("subscriber").url("memory://").connect().await?;
    bus.own_api::<SalesApi>();
    Ok(bus)
}

#[tokio::test]
async fn each_handler_is_a_subscription() -> Outcome {
    let bus = bus().await?;
    let (desk, mut arrivals) = Desk::new();
    bus.subscribe_all(DeskSubscriber::new(desk)).await?;
    let mut subscriptions: Vec<String> = bus.health().consumers.into_iter().map(|consumer| consumer.name).collect();
    subscriptions.sort();
    assert_eq!(subscriptions, ["bill", "return", "start-cover"]);

    bus.publish(Sold { serial: "1".into() }).await?;
    let mut handled = [arrivals.recv().await, arrivals.recv().await].map(Option::unwrap_or_default);
    handled.sort();
    assert_eq!(handled, ["bill 1! subscriber", "start 1 nobody"]);
    bus.publish(Returned { serial: "2".into() }).await?;
    assert_eq!(arrivals.recv().await.as_deref(), Some("return 2 subscriber"));
    Ok(())
}

#[tokio::test]
async fn a_subscriber_takes_a_value_or_an_arc() -> Outcome {
    let (desk, _arrivals) = Desk::new();
    let desk = Arc::new(desk);
    let subscriber = DeskSubscriber::from_arc(Arc::clone(&desk));
    assert_eq!(format!("{:?}", subscriber.clone()), "DeskSubscriber { .. }");
    bus().await?.subscribe_all(DeskSubscriber::new(desk)).await?;
    Ok(())
}
