//! When events whose handlers failed are handled again.

use std::time::Duration;

use lightbus::Bus;
use lightbus::prelude::*;
use lightbus_test_support::wait::{eventually_async, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{DeskApi, Registered};

const MILLISECOND: Duration = Duration::from_millis(1);

/// An attempt to handle an event, as the handler saw it.
type Attempt = (String, u32, String);

/// Subscribes, reports each attempt, and ends it as `outcome` says of the event's serial and the attempt.
async fn attempts<O>(bus: &Bus, retries: Option<Retries>, outcome: O) -> mpsc::UnboundedReceiver<Attempt>
where
    O: Fn(&str, u32) -> Result<(), HandlerError> + Clone + Send + Sync + 'static,
{
    let (sender, attempts) = mpsc::unbounded_channel();
    let handler = move |event: Registered, ctx: Context| {
        let (sender, outcome) = (sender.clone(), outcome.clone());
        async move {
            let _ = sender.send((event.serial.clone(), ctx.attempt(), ctx.message_id().to_owned()));
            outcome(&event.serial, ctx.attempt())
        }
    };
    let mut subscribe = bus.subscribe("registrations", handler).concurrency(1);
    if let Some(retries) = retries {
        subscribe = subscribe.retries(retries);
    }
    subscribe.await.unwrap();
    attempts
}

async fn publish(world: &World, serials: &[&str]) {
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    for serial in serials {
        desk.publish(Registered { serial: (*serial).to_owned(), customer: 1 }).await.unwrap();
    }
}

async fn dead_letters(bus: &Bus, expected: u64) {
    eventually_async("the events become dead letters", || async {
        bus.dead_letters("registrations").count().await.unwrap() == expected
    })
    .await;
}

fn fail<T>() -> Result<T, HandlerError> {
    Err(HandlerError::new("the register is full"))
}

pub async fn an_event_that_fails_is_retried_at_once_by_default(world: &World) {
    let audit = world.join("audit").await;
    let mut attempts = attempts(&audit, None, |_, attempt| if attempt == 1 { fail() } else { Ok(()) }).await;
    publish(world, &["SN-1"]).await;
    assert_eq!(next(&mut attempts).await.1, 1);
    assert_eq!(next(&mut attempts).await.1, 2);
}

pub async fn an_event_is_retried_until_it_is_handled(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([Duration::ZERO, MILLISECOND, 2 * MILLISECOND, MILLISECOND, MILLISECOND]);
    let outcome = |serial: &str, attempt| match (serial, attempt) {
        ("bad", 1 | 3) => fail(),
        ("bad", 2 | 4) => panic!("out of ink"),
        _ => Ok(()),
    };
    let mut attempts = attempts(&audit, Some(retries), outcome).await;
    publish(world, &["bad"]).await;
    let (serial, first, id) = next(&mut attempts).await;
    assert_eq!((serial.as_str(), first), ("bad", 1));
    for attempt in 2..=5 {
        assert_eq!(next(&mut attempts).await, ("bad".to_owned(), attempt, id.clone()));
    }
    // Were it retried once more, that would come before an event that is published now, or be a dead letter by then.
    publish(world, &["good"]).await;
    assert_eq!(next(&mut attempts).await.0, "good");
    dead_letters(&audit, 0).await;
}

pub async fn an_event_that_fails_on_every_attempt_becomes_a_dead_letter(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([Duration::ZERO, MILLISECOND]);
    let mut attempts = attempts(&audit, Some(retries), |_, _| fail()).await;
    publish(world, &["bad"]).await;
    for attempt in 1..=3 {
        assert_eq!(next(&mut attempts).await.1, attempt);
    }
    dead_letters(&audit, 1).await;
    assert!(waiting(&mut attempts).is_empty());
}

pub async fn an_event_that_the_handler_rejects_is_not_retried(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([Duration::ZERO, Duration::ZERO]);
    let reject = |_: &str, _| Err(HandlerError::reject("there is no such product"));
    let mut attempts = attempts(&audit, Some(retries), reject).await;
    publish(world, &["bad"]).await;
    assert_eq!(next(&mut attempts).await.1, 1);
    dead_letters(&audit, 1).await;
    assert!(waiting(&mut attempts).is_empty());
}

pub async fn other_events_are_handled_while_one_waits_for_its_retry(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([Duration::from_secs(3600)]);
    let outcome = |serial: &str, _| if serial == "bad" { fail() } else { Ok(()) };
    let mut attempts = attempts(&audit, Some(retries), outcome).await;
    publish(world, &["bad", "good", "better"]).await;
    for serial in ["bad", "good", "better"] {
        let (arrived, attempt, _) = next(&mut attempts).await;
        assert_eq!((arrived.as_str(), attempt), (serial, 1));
    }
    dead_letters(&audit, 0).await;
}

pub async fn an_event_waits_for_its_retry_while_the_service_is_down(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([100 * MILLISECOND]);
    let mut before = attempts(&audit, Some(retries.clone()), |_, _| fail()).await;
    publish(world, &["bad"]).await;
    let (_, attempt, id) = next(&mut before).await;
    assert_eq!(attempt, 1);
    // It waits until the event is where it waits for its retry.
    audit.shutdown().await;

    let audit = world.join("audit").await;
    let mut after = attempts(&audit, Some(retries), |_, _| Ok(())).await;
    if waiting(&mut before).is_empty() {
        assert_eq!(next(&mut after).await, ("bad".to_owned(), 2, id));
    }
}

pub async fn a_handler_that_takes_too_long_is_cut_off_and_its_event_retried(world: &World) {
    /// Tells when it is dropped.
    struct Dropped(mpsc::UnboundedSender<u32>, u32);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    let audit = world.join("audit").await;
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let handler = move |_: Registered, ctx: Context| {
        let told = Dropped(sender.clone(), ctx.attempt());
        async move {
            if told.1 == 1 {
                std::future::pending::<()>().await;
            }
        }
    };
    audit
        .subscribe("registrations", handler)
        .handler_timeout(10 * MILLISECOND)
        .retries(Retries::after([Duration::ZERO]))
        .await
        .unwrap();
    publish(world, &["slow"]).await;
    assert_eq!(next(&mut dropped).await, 1);
    assert_eq!(next(&mut dropped).await, 2);
    audit.shutdown().await;
    dead_letters(&world.join("audit").await, 0).await;
}

pub async fn a_handler_that_is_cut_off_by_a_shutdown_has_made_no_attempt(world: &World) {
    let (sender, mut begun) = mpsc::unbounded_channel();
    let stopped = world.process("audit").shutdown_timeout(MILLISECOND).connect().await.unwrap();
    let handler = move |_: Registered, ctx: Context| {
        let _ = sender.send(ctx.attempt());
        std::future::pending::<()>()
    };
    stopped.subscribe("registrations", handler).await.unwrap();
    publish(world, &["SN-1"]).await;
    assert_eq!(next(&mut begun).await, 1);
    stopped.shutdown().await;
    let audit = world.join("audit").await;
    let mut attempts = attempts(&audit, None, |_, _| Ok(())).await;
    assert_eq!(next(&mut attempts).await.1, 1);
}
