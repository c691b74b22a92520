//! Code of the application that panics outside its handlers: while a message is decoded, described or dropped.

use std::fmt;
use std::time::Duration;

use lightbus::event::FailureReason;
use lightbus::prelude::*;
use lightbus_test_support::wait::{eventually_async, next};
use lightbus_test_support::world::World;
use serde::{Deserializer, Serializer};
use tokio::sync::mpsc;

/// Text that cannot be decoded, or encoded, when it says so.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
pub struct Fragile(String);

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert!(text != "breaks on arrival", "cannot read {text:?}");
        Ok(Self(text))
    }
}

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != "breaks on departure", "cannot write {:?}", self.0);
        self.0.serialize(serializer)
    }
}

#[lightbus::api(name = "test.glass")]
pub trait Glass {
    async fn send(&self, text: String) -> Fragile;
    async fn stack(&self, bytes: u32) -> u64;
    #[event]
    fn sent(text: Fragile);
}

struct Shelf;

impl Glass for Shelf {
    async fn send(&self, text: String) -> Fragile {
        Fragile(text)
    }

    async fn stack(&self, bytes: u32) -> u64 {
        large_future(bytes).await
    }
}

/// Keeps 256 KiB across an await.
async fn large_future(bytes: u32) -> u64 {
    let mut buffer = [1_u8; 256 * 1024];
    tokio::task::yield_now().await;
    buffer[0] = 0;
    buffer.iter().take(bytes as usize).map(|&byte| u64::from(byte)).sum()
}

/// An error that cannot be described.
struct Nameless;

impl fmt::Debug for Nameless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no debug")
    }
}

impl fmt::Display for Nameless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no name")
    }
}

impl std::error::Error for Nameless {}

/// Panics when it is dropped.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        panic!("broke on the floor");
    }
}

/// Publishes an event that `handle` panics on and then a good one. Expects the first to become a dead letter after two
/// attempts, with the panic's text, and the second to be handled.
async fn panics_once<H, F>(world: &World, bad: &str, text: &str, handle: H)
where
    H: Fn(String) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = Result<(), HandlerError>> + Send,
{
    let (shelf, audit) = (world.join("shelf").await, world.join("audit").await);
    shelf.own_api::<GlassApi>();
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    audit
        .subscribe("glass", move |event: Sent| {
            let (handle, sender) = (handle.clone(), sender.clone());
            async move {
                let text = event.text.0;
                handle(text.clone()).await?;
                let _ = sender.send(text);
                Ok::<_, HandlerError>(())
            }
        })
        .concurrency(1)
        .retries(Retries::after([Duration::ZERO]))
        .await
        .unwrap();
    for text in [bad, "good"] {
        shelf.publish(Sent { text: Fragile(text.to_owned()) }).await.unwrap();
    }
    assert_eq!(next(&mut arrivals).await, "good");
    eventually_async("the event becomes a dead letter", || async {
        audit.dead_letters("glass").count().await.unwrap() == 1
    })
    .await;
    let letter = audit.dead_letters("glass").list(1).await.unwrap().remove(0);
    assert_eq!((letter.reason, letter.attempts), (FailureReason::Panicked, 2), "{letter:?}");
    assert!(letter.error.contains(text), "{}", letter.error);
    assert!(audit.health().is_healthy());
}

pub async fn an_event_whose_decoding_panics_is_retried_and_kept(world: &World) {
    panics_once(world, "breaks on arrival", "cannot read", async |_| Ok(())).await;
}

pub async fn an_event_whose_error_panics_in_display_is_retried_and_kept(world: &World) {
    panics_once(
        world,
        "bad",
        "no name",
        |text| async move { if text == "bad" { Err(Nameless.into()) } else { Ok(()) } },
    )
    .await;
}

pub async fn an_event_whose_handler_panics_in_drop_is_retried_and_kept(world: &World) {
    panics_once(world, "bad", "broke on the floor", |text| async move {
        let _brittle = (text == "bad").then(|| Brittle);
        Ok(())
    })
    .await;
}

pub async fn a_handler_that_panics_when_it_is_cut_off_is_retried(world: &World) {
    let (shelf, audit) = (world.join("shelf").await, world.join("audit").await);
    shelf.own_api::<GlassApi>();
    let (sender, mut attempts) = mpsc::unbounded_channel();
    audit
        .subscribe("glass", move |_: Sent, ctx: Context| {
            let sender = sender.clone();
            async move {
                let _ = sender.send(ctx.attempt());
                if ctx.attempt() == 1 {
                    let _brittle = Brittle;
                    std::future::pending::<()>().await;
                }
            }
        })
        .handler_timeout(Duration::from_millis(10))
        .await
        .unwrap();
    shelf.publish(Sent { text: Fragile("good".to_owned()) }).await.unwrap();
    assert_eq!((next(&mut attempts).await, next(&mut attempts).await), (1, 2));
}

pub async fn a_reply_whose_encoding_panics_is_a_panic_of_the_handler(world: &World) {
    let (shelf, caller) = (world.join("shelf").await, world.join("caller").await);
    shelf.serve(GlassServer::new(Shelf)).await.unwrap();
    let glass = GlassClient::new(&caller);
    let error = glass.send("breaks on departure".to_owned()).await.unwrap_err();
    assert!(
        matches!(&error, CallError::HandlerPanicked { message, .. } if message.contains("cannot write")),
        "{error:?}"
    );
    assert_eq!(glass.send("good".to_owned()).await.unwrap(), Fragile("good".to_owned()));
}

pub async fn a_reply_whose_decoding_panics_is_invalid(world: &World) {
    let (shelf, caller) = (world.join("shelf").await, world.join("caller").await);
    shelf.serve(GlassServer::new(Shelf)).await.unwrap();
    let glass = GlassClient::new(&caller);
    let error = glass.send("breaks on arrival".to_owned()).await.unwrap_err();
    assert!(matches!(&error, CallError::InvalidReply { reason, .. } if reason.contains("cannot read")), "{error:?}");
    assert_eq!(glass.send("good".to_owned()).await.unwrap(), Fragile("good".to_owned()));
}

pub async fn handlers_with_large_futures_run(world: &World) {
    let (shelf, audit) = (world.join("shelf").await, world.join("audit").await);
    shelf.serve(GlassServer::new(Shelf)).await.unwrap();
    let (sender, mut sums) = mpsc::unbounded_channel();
    audit
        .subscribe("glass", move |_: Sent| {
            let sender = sender.clone();
            async move {
                let _ = sender.send(large_future(1000).await);
            }
        })
        .dedupe(lightbus::RecentIds::new(10))
        .await
        .unwrap();
    shelf.publish(Sent { text: Fragile("good".to_owned()) }).await.unwrap();
    assert_eq!(next(&mut sums).await, 999);
    assert_eq!(GlassClient::new(&audit).stack(1000).await.unwrap(), 999);
}
