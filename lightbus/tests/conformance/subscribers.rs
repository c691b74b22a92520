//! What handlers that subscribe together promise.

use std::sync::{Arc, Mutex};

use lightbus::Error;
use lightbus::prelude::*;
use lightbus_test_support::wait::{eventually_async, next};
use lightbus_test_support::world::World;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::desk::{Attached, Closed, DeskApi, Registered};

/// Sends what its handlers were called with.
pub struct Office {
    handled: UnboundedSender<(&'static str, String)>,
    /// The attempts that `attach` has seen.
    attempts: Mutex<Vec<u32>>,
}

#[lightbus::subscriber]
impl Office {
    fn new() -> (Self, UnboundedReceiver<(&'static str, String)>) {
        let (handled, arrivals) = unbounded_channel();
        (Self { handled, attempts: Mutex::default() }, arrivals)
    }

    #[on]
    async fn register(&self, registered: Registered, #[context] ctx: &Context) {
        let _ = self.handled.send(("register", format!("{} by {}", registered.serial, ctx.service())));
    }

    #[on(concurrency = 1)]
    async fn also_register(&self, registered: Registered) {
        let _ = self.handled.send(("also-register", registered.serial));
    }

    #[on(retries = "0s 1ms")]
    async fn attach(&self, attached: Attached, #[context] ctx: Context) -> Result<(), HandlerError> {
        self.attempts.lock().unwrap().push(ctx.attempt());
        Err(HandlerError::new(attached.text))
    }
}

async fn publisher(world: &World) -> Bus {
    let bus = world.join("desk").await;
    bus.own_api::<DeskApi>();
    bus
}

fn registered(serial: &str) -> Registered {
    Registered { serial: serial.to_owned(), customer: 7 }
}

pub async fn the_handlers_of_a_type_subscribe_together(world: &World) {
    let (desk, bus) = (publisher(world).await, world.join("office").await);
    let (office, mut arrivals) = Office::new();
    bus.subscribe_all(OfficeSubscriber::new(office)).await.unwrap();
    desk.publish(registered("SN-1")).await.unwrap();
    let mut handled = vec![next(&mut arrivals).await, next(&mut arrivals).await];
    handled.sort();
    assert_eq!(handled, [("also-register", "SN-1".to_owned()), ("register", "SN-1 by desk".to_owned())]);
}

pub async fn a_handler_of_a_type_keeps_its_own_settings(world: &World) {
    let (desk, bus) = (publisher(world).await, world.join("office").await);
    let (office, _arrivals) = Office::new();
    let office = Arc::new(office);
    bus.subscribe_all(OfficeSubscriber::from_arc(Arc::clone(&office))).await.unwrap();
    desk.publish(Attached { text: "no paper".to_owned() }).await.unwrap();
    let dead_letters = bus.dead_letters("attach");
    eventually_async("the event becomes a dead letter", async || dead_letters.count().await.unwrap() == 1).await;
    let dead_letter = dead_letters.list(1).await.unwrap().remove(0);
    assert_eq!((dead_letter.attempts, dead_letter.error.as_str()), (3, "no paper"));
    assert_eq!(*office.attempts.lock().unwrap(), [1, 2, 3]);
}

pub async fn no_subscription_remains_when_one_of_a_type_fails(world: &World) {
    let (desk, bus) = (publisher(world).await, world.join("office").await);
    bus.subscribe("also-register", |_: Closed| async {}).await.unwrap();
    let (office, _arrivals) = Office::new();
    let error = bus.subscribe_all(OfficeSubscriber::new(office)).await.unwrap_err();
    assert!(matches!(&error, Error::AlreadySubscribed { name } if name == "also-register"), "{error:?}");
    let consumers: Vec<String> = bus.health().consumers.into_iter().map(|consumer| consumer.name).collect();
    assert_eq!(consumers, ["also-register"]);

    // The names are free again, and the handlers that had subscribed are gone.
    let (sender, mut arrivals) = unbounded_channel();
    bus.subscribe("register", move |event: Registered| {
        let _ = sender.send(event.serial);
        async {}
    })
    .await
    .unwrap();
    for serial in ["SN-1", "SN-2", "SN-3"] {
        desk.publish(registered(serial)).await.unwrap();
        assert_eq!(next(&mut arrivals).await, serial);
    }
}
