//! Repeats of events, and subscriptions that drop them.

use std::collections::HashSet;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lightbus::event::{DeadLetter, FailureReason};
use lightbus::name::SubscriptionName;
use lightbus::prelude::*;
use lightbus::{Bus, DedupeStore, RecentIds};
use lightbus_test_support::wait::{eventually, eventually_async, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{Closed, DeskApi, Registered};

const NAME: &str = "registrations";

/// An attempt to handle an event: its serial, which attempt it is, and the event's id.
type Attempt = (String, u32, String);

type Outcome = Result<(), HandlerError>;

/// A handler that tells of each attempt, and ends it as `outcome` says of the attempt's number.
fn handler<O>(outcome: O) -> (impl Fn(Registered, Context) -> Ready<Outcome>, mpsc::UnboundedReceiver<Attempt>)
where
    O: Fn(u32) -> Outcome + Send + Sync + 'static,
{
    let (sender, attempts) = mpsc::unbounded_channel();
    let handler = move |event: Registered, ctx: Context| {
        let _ = sender.send((event.serial, ctx.attempt(), ctx.message_id().to_owned()));
        ready(outcome(ctx.attempt()))
    };
    (handler, attempts)
}

async fn publish(world: &World, serial: &str) {
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    desk.publish(Registered { serial: serial.to_owned(), customer: 1 }).await.unwrap();
}

/// How many repeats the only subscription of a process has dropped.
fn repeats(bus: &Bus) -> u64 {
    let consumers = bus.health().consumers;
    assert_eq!(consumers.len(), 1);
    consumers[0].repeats
}

/// Waits for a dead letter.
async fn dead_letter(bus: &Bus) -> DeadLetter {
    eventually_async("the event becomes a dead letter", || async {
        bus.dead_letters(NAME).count().await.unwrap() == 1
    })
    .await;
    bus.dead_letters(NAME).list(1).await.unwrap().remove(0)
}

/// Sees that the broker has nothing left for the subscription, once its only process is gone.
async fn nothing_is_left(world: &World) {
    let audit = world.join("audit").await;
    let (handler, mut attempts) = handler(|_| Ok(()));
    audit.subscribe(NAME, handler).concurrency(1).await.unwrap();
    // What were left would come before it.
    publish(world, "SN-last").await;
    assert_eq!(next(&mut attempts).await.0, "SN-last");
    assert_eq!(audit.dead_letters(NAME).count().await.unwrap(), 0);
    audit.shutdown().await;
}

/// What goes wrong in a store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Error,
    Rejection,
    Panic,
    Silence,
}

impl Fault {
    async fn happens(self) -> HandlerError {
        match self {
            Self::Error => HandlerError::new("the disk is full"),
            Self::Rejection => HandlerError::reject("there is no such table"),
            Self::Panic => panic!("the disk is gone"),
            Self::Silence => std::future::pending().await,
        }
    }
}

/// A store of the user's, for all processes of a service.
#[derive(Default, Clone)]
struct Table {
    rows: Arc<Mutex<HashSet<(String, String)>>>,
    /// What happens to the first look-ups, one after the other.
    look_ups: Arc<Mutex<Vec<Fault>>>,
    /// What happens instead of remembering.
    entries: Option<Fault>,
    /// Is told what has been remembered, after which nothing ends any more. The process stays on the bus until it is killed.
    stuck: Option<(Bus, mpsc::UnboundedSender<String>)>,
}

impl Table {
    /// A table whose first look-ups fail.
    fn failing(look_ups: impl IntoIterator<Item = Fault>) -> Self {
        Self { look_ups: Arc::new(Mutex::new(look_ups.into_iter().collect())), ..Self::default() }
    }

    fn rows(&self) -> Vec<(String, String)> {
        let mut rows: Vec<_> = self.rows.lock().unwrap().iter().cloned().collect();
        rows.sort();
        rows
    }
}

impl DedupeStore for Table {
    async fn is_handled(&self, subscription: &SubscriptionName, message_id: &str) -> Result<bool, HandlerError> {
        let fault = self.look_ups.lock().unwrap().pop();
        if let Some(fault) = fault {
            return Err(fault.happens().await);
        }
        Ok(self.rows.lock().unwrap().contains(&(subscription.to_string(), message_id.to_owned())))
    }

    async fn remember(&self, subscription: &SubscriptionName, message_id: &str) -> Result<(), HandlerError> {
        if let Some(fault) = self.entries {
            return Err(fault.happens().await);
        }
        self.rows.lock().unwrap().insert((subscription.to_string(), message_id.to_owned()));
        if let Some((_, stuck)) = &self.stuck {
            let _ = stuck.send(message_id.to_owned());
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

pub async fn an_event_keeps_its_id_when_it_is_delivered_again(world: &World) {
    let (sender, mut begun) = mpsc::unbounded_channel();
    let doomed = world
        .killable("audit", move |bus| async move {
            let held = bus.clone();
            let hang = move |_: Registered, ctx: Context| {
                let (_held, _) = (held.clone(), sender.send(ctx.message_id().to_owned()));
                std::future::pending::<()>()
            };
            bus.subscribe(NAME, hang).await.unwrap();
        })
        .await;
    publish(world, "SN-1").await;
    let id = next(&mut begun).await;
    doomed.kill();

    let audit = world.join("audit").await;
    let (handler, mut attempts) = handler(|_| Ok(()));
    audit.subscribe(NAME, handler).await.unwrap();
    assert_eq!(next(&mut attempts).await, ("SN-1".to_owned(), 1, id));
}

pub async fn an_event_that_another_process_handled_is_dropped(world: &World) {
    let (stuck, mut remembered) = mpsc::unbounded_channel();
    let table = Table::default();
    let shared = table.clone();
    let (handle_first, mut attempts) = handler(|_| Ok(()));
    let doomed = world
        .killable("audit", move |bus| async move {
            let store = Table { stuck: Some((bus.clone(), stuck)), ..shared };
            bus.subscribe(NAME, handle_first).dedupe(store).await.unwrap();
        })
        .await;
    publish(world, "SN-1").await;
    let id = next(&mut remembered).await;
    assert_eq!(next(&mut attempts).await, ("SN-1".to_owned(), 1, id.clone()));
    assert_eq!(table.rows(), [(NAME.to_owned(), id)]);
    // The broker has not been told by then.
    doomed.kill();

    let audit = world.join("audit").await;
    let (handler, mut attempts) = handler(|_| Ok(()));
    audit.subscribe(NAME, handler).dedupe(table).await.unwrap();
    eventually("the repeat is dropped", || repeats(&audit) == 1).await;
    audit.shutdown().await;
    assert!(waiting(&mut attempts).is_empty());
    nothing_is_left(world).await;
}

pub async fn a_pattern_subscription_drops_repeats(world: &World) {
    let table = Table::default();
    let (stuck, mut remembered) = mpsc::unbounded_channel();
    let shared = table.clone();
    let doomed = world
        .killable("audit", move |bus| async move {
            let subscribe = bus.subscribe_pattern(NAME, "test.#", |_: AnyEvent| async {});
            subscribe.dedupe(Table { stuck: Some((bus.clone(), stuck)), ..shared }).await.unwrap();
        })
        .await;
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    desk.publish(Closed {}).await.unwrap();
    next(&mut remembered).await;
    doomed.kill();

    let audit = world.join("audit").await;
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let handler = move |event: AnyEvent| {
        let _ = sender.send(event.name().to_owned());
        async {}
    };
    audit.subscribe_pattern(NAME, "test.#", handler).dedupe(table).await.unwrap();
    eventually("the repeat is dropped", || repeats(&audit) == 1).await;
    publish(world, "SN-1").await;
    assert_eq!(next(&mut arrivals).await, "registered");
    assert_eq!(repeats(&audit), 1);
}

pub async fn a_failed_attempt_is_not_remembered(world: &World) {
    let audit = world.join("audit").await;
    let (handler, mut attempts) = handler(|attempt| match attempt {
        1 => Err(HandlerError::new("out of ink")),
        2 => panic!("out of paper"),
        _ => Ok(()),
    });
    let retries = Retries::after([Duration::ZERO, Duration::from_millis(1)]);
    audit.subscribe(NAME, handler).retries(retries).dedupe(RecentIds::new(10)).await.unwrap();
    publish(world, "SN-1").await;
    let (_, _, id) = next(&mut attempts).await;
    for attempt in [2, 3] {
        assert_eq!(next(&mut attempts).await, ("SN-1".to_owned(), attempt, id.clone()));
    }
    audit.shutdown().await;
    assert_eq!(repeats(&audit), 0);
    nothing_is_left(world).await;
}

pub async fn a_dead_letter_that_is_replayed_is_handled(world: &World) {
    let audit = world.join("audit").await;
    let mended = Arc::new(Mutex::new(false));
    let (handler, mut attempts) = handler({
        let mended = mended.clone();
        move |_| if *mended.lock().unwrap() { Ok(()) } else { Err(HandlerError::new("out of ink")) }
    });
    let subscribe = audit.subscribe(NAME, handler).retries(Retries::none());
    subscribe.dedupe(RecentIds::new(10)).await.unwrap();
    publish(world, "SN-1").await;
    let first = next(&mut attempts).await;
    assert_eq!(dead_letter(&audit).await.id, first.2);
    *mended.lock().unwrap() = true;
    assert!(audit.dead_letters(NAME).replay(&first.2).await.unwrap());
    assert_eq!(next(&mut attempts).await, first);
    audit.shutdown().await;
    assert_eq!(repeats(&audit), 0);
    nothing_is_left(world).await;
}

pub async fn subscriptions_that_share_a_store_get_their_own_copies(world: &World) {
    let (audit, store) = (world.join("audit").await, Arc::new(Table::default()));
    let (one, mut attempts) = handler(|_| Ok(()));
    let (other, mut other_attempts) = handler(|_| Ok(()));
    audit.subscribe("one", one).dedupe(store.clone()).await.unwrap();
    audit.subscribe("other", other).dedupe(store.clone()).await.unwrap();
    publish(world, "SN-1").await;
    let attempt = next(&mut attempts).await;
    assert_eq!(next(&mut other_attempts).await, attempt);
    audit.shutdown().await;
    assert!(audit.health().consumers.iter().all(|consumer| consumer.repeats == 0));
    assert_eq!(store.rows(), ["one", "other"].map(|name| (name.to_owned(), attempt.2.clone())));
}

pub async fn an_event_whose_look_up_fails_is_retried(world: &World) {
    let audit = world.join("audit").await;
    let (handler, mut attempts) = handler(|_| Ok(()));
    let faults = [Fault::Error, Fault::Panic, Fault::Silence];
    audit
        .subscribe(NAME, handler)
        .handler_timeout(Duration::from_millis(500))
        .retries(Retries::after([Duration::ZERO; 3]))
        .dedupe(Table::failing(faults))
        .await
        .unwrap();
    publish(world, "SN-1").await;
    assert_eq!(next(&mut attempts).await.1, 4);
    audit.shutdown().await;
    assert_eq!(repeats(&audit), 0);
    nothing_is_left(world).await;
}

pub async fn an_event_whose_look_ups_all_fail_becomes_a_dead_letter(world: &World) {
    let expected = [
        (Fault::Error, FailureReason::Failed, "before: the disk is full"),
        (Fault::Rejection, FailureReason::Rejected, "before: there is no such table"),
        (Fault::Panic, FailureReason::Failed, "before: it panicked: the disk is gone"),
    ];
    for (fault, reason, error) in expected {
        let audit = world.join("audit").await;
        let (handler, mut attempts) = handler(|_| Ok(()));
        let subscribe = audit.subscribe(NAME, handler).retries(Retries::after([Duration::ZERO]));
        subscribe.dedupe(Table::failing([fault; 2])).await.unwrap();
        publish(world, "SN-1").await;
        let letter = dead_letter(&audit).await;
        assert_eq!((letter.reason, letter.attempts), (reason, if fault == Fault::Rejection { 1 } else { 2 }));
        assert!(letter.error.contains(error), "{}", letter.error);
        assert!(audit.dead_letters(NAME).discard(&letter.id).await.unwrap());
        audit.shutdown().await;
        assert!(waiting(&mut attempts).is_empty());
    }
}

pub async fn an_event_that_cannot_be_remembered_is_handled_once(world: &World) {
    for fault in [Fault::Error, Fault::Panic, Fault::Silence] {
        let audit = world.join("audit").await;
        let (handler, mut attempts) = handler(|_| Ok(()));
        let table = Table { entries: Some(fault), ..Table::default() };
        let subscribe = audit.subscribe(NAME, handler).handler_timeout(Duration::from_millis(500)).dedupe(table);
        subscribe.retries(Retries::after([Duration::ZERO])).await.unwrap();
        publish(world, "SN-1").await;
        assert_eq!(next(&mut attempts).await.1, 1, "{fault:?}");
        audit.shutdown().await;
        assert!(waiting(&mut attempts).is_empty(), "{fault:?}");
        nothing_is_left(world).await;
    }
}
