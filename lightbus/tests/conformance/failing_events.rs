//! What becomes of events whose handlers fail.

use lightbus::Bus;
use lightbus::prelude::*;
use lightbus_test_support::wait::{eventually_async, next};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{DeskApi, Registered, other_version};

#[derive(Debug, thiserror::Error)]
#[error("the register is full")]
struct Full;

/// Publishes an event that `handle` fails on and then one that is well; checks that the first is a dead letter and that
/// the second is handled.
async fn one_fails<H, F>(world: &World, handle: H)
where
    H: Fn() -> F + Send + Sync + Clone + 'static,
    F: Future<Output = Result<(), HandlerError>> + Send,
{
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |event: Registered| {
            let (handle, sender) = (handle.clone(), sender.clone());
            async move {
                if event.serial == "bad" {
                    handle().await?;
                }
                let _ = sender.send(event.serial);
                Ok::<_, HandlerError>(())
            }
        })
        .concurrency(1)
        .retries(Retries::none())
        .await
        .unwrap();
    for serial in ["bad", "good"] {
        desk.publish(Registered { serial: serial.into(), customer: 1 }).await.unwrap();
    }
    assert_eq!(next(&mut arrivals).await, "good");
    one_dead_letter(&audit).await;
}

async fn one_dead_letter(bus: &Bus) {
    eventually_async("the event becomes a dead letter", || async {
        bus.dead_letters("registrations").count().await.unwrap() == 1
    })
    .await;
}

pub async fn an_event_whose_handler_fails_becomes_a_dead_letter(world: &World) {
    one_fails(world, || async { Err(Full.into()) }).await;
}

pub async fn an_event_whose_handler_panics_becomes_a_dead_letter(world: &World) {
    one_fails(world, || async { panic!("out of ink") }).await;
}

pub async fn an_event_that_the_handler_rejects_becomes_a_dead_letter(world: &World) {
    one_fails(world, || async { Err(HandlerError::reject(Full)) }).await;
}

pub async fn an_event_that_does_not_decode_becomes_a_dead_letter(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |event: Registered| {
            let _ = sender.send(event.serial);
            async {}
        })
        .await
        .unwrap();
    desk.publish(other_version::Registered { serial: 1 }).await.unwrap();
    desk.publish(Registered { serial: "good".into(), customer: 1 }).await.unwrap();
    assert_eq!(next(&mut arrivals).await, "good");
    one_dead_letter(&audit).await;
}
