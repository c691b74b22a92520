//! What can be done about events that could not be handled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lightbus::event::{DeadLetter, FailureReason};
use lightbus::prelude::*;
use lightbus::{Bus, Error};
use lightbus_test_support::wait::{dropped_after, eventually_async, next, waiting};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{DeskApi, Registered, other_version};

const NAME: &str = "registrations";

/// A subscription that fails on everything until its cause is mended, and tells of each attempt.
struct Broken {
    bus: Bus,
    mended: Arc<AtomicBool>,
    attempts: mpsc::UnboundedReceiver<(String, u32, String)>,
}

async fn broken(world: &World) -> Broken {
    let (bus, mended) = (world.join("audit").await, Arc::new(AtomicBool::new(false)));
    let (sender, attempts) = mpsc::unbounded_channel();
    let cause = Arc::clone(&mended);
    let handler = move |event: Registered, ctx: Context| {
        let _ = sender.send((event.serial, ctx.attempt(), ctx.message_id().to_owned()));
        let mended = cause.load(Ordering::SeqCst);
        async move { if mended { Ok(()) } else { Err(HandlerError::new("the register is full")) } }
    };
    bus.subscribe(NAME, handler).concurrency(1).retries(Retries::none()).await.unwrap();
    Broken { bus, mended, attempts }
}

async fn publish(world: &World, serials: &[&str]) {
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    for serial in serials {
        desk.publish(Registered { serial: (*serial).to_owned(), customer: 1 }).await.unwrap();
    }
}

/// Waits until there are so many dead letters, and returns them.
async fn letters(bus: &Bus, expected: usize) -> Vec<DeadLetter> {
    eventually_async("the events become dead letters", || async {
        bus.dead_letters(NAME).count().await.unwrap() == expected as u64
    })
    .await;
    bus.dead_letters(NAME).list(100).await.unwrap()
}

fn serials(letters: &[DeadLetter]) -> Vec<String> {
    letters.iter().map(|letter| lightbus::codec::decode::<Registered>(&letter.payload).unwrap().serial).collect()
}

pub async fn listed_dead_letters_stay_in_place(world: &World) {
    let mut broken = broken(world).await;
    publish(world, &["SN-1", "SN-2", "SN-3"]).await;
    let listed = letters(&broken.bus, 3).await;
    assert_eq!(serials(&listed), ["SN-1", "SN-2", "SN-3"]);
    for letter in &listed {
        assert_eq!(letter.id, next(&mut broken.attempts).await.2);
        assert_eq!((&*letter.api, &*letter.event, &*letter.publisher), ("test.desk", "registered", "desk"));
        assert_eq!((letter.reason, &*letter.error), (FailureReason::Failed, "the register is full"));
        assert_eq!(letter.attempts, 1);
        assert!(letter.process.starts_with("audit@"), "{}", letter.process);
        assert!(letter.failed_at.is_some() && letter.failed_at == letter.first_failed_at);
    }
    assert_eq!(serials(&broken.bus.dead_letters(NAME).list(2).await.unwrap()), ["SN-1", "SN-2"]);
    assert!(broken.bus.dead_letters(NAME).list(0).await.unwrap().is_empty());
    assert_eq!(serials(&broken.bus.dead_letters(NAME).page(1, 1).await.unwrap()), ["SN-2"]);
    assert_eq!(serials(&broken.bus.dead_letters(NAME).page(2, usize::MAX).await.unwrap()), ["SN-3"]);
    assert!(broken.bus.dead_letters(NAME).page(3, 10).await.unwrap().is_empty());
    // Another process of the service sees them too.
    assert_eq!(serials(&letters(&world.join("audit").await, 3).await), ["SN-1", "SN-2", "SN-3"]);
    assert!(waiting(&mut broken.attempts).is_empty());
}

async fn out_of_ink(_: Registered) {
    panic!("out of ink")
}

pub async fn a_dead_letter_records_its_attempts(world: &World) {
    let audit = world.join("audit").await;
    let retries = Retries::after([Duration::ZERO, Duration::from_millis(1)]);
    audit.subscribe(NAME, out_of_ink).retries(retries).await.unwrap();
    publish(world, &["SN-1"]).await;
    let letter = letters(&audit, 1).await.remove(0);
    assert_eq!((letter.reason, letter.attempts), (FailureReason::Panicked, 3));
    assert!(letter.error.contains("out of ink"), "{}", letter.error);
    assert!(letter.first_failed_at.unwrap() <= letter.failed_at.unwrap());
}

pub async fn a_dead_letter_names_the_handler_timeout(world: &World) {
    let audit = world.join("audit").await;
    let subscribe = audit.subscribe(NAME, |_: Registered| std::future::pending::<()>());
    subscribe.handler_timeout(Duration::from_millis(1)).retries(Retries::none()).await.unwrap();
    publish(world, &["SN-1"]).await;
    let letter = letters(&audit, 1).await.remove(0);
    assert_eq!((letter.reason, letter.attempts), (FailureReason::TimedOut, 1));
    assert!(letter.error.contains("handler_timeout"), "{}", letter.error);
}

pub async fn an_undecodable_event_is_shown_unchanged(world: &World) {
    let broken = broken(world).await;
    let desk = world.join("desk").await;
    desk.own_api::<DeskApi>();
    desk.publish(other_version::Registered { serial: 7 }).await.unwrap();
    let letter = letters(&broken.bus, 1).await.remove(0);
    assert_eq!((letter.reason, letter.attempts), (FailureReason::Undecodable, 1));
    let sent: other_version::Registered = lightbus::codec::decode(&letter.payload).unwrap();
    assert_eq!(sent.serial, 7);
}

pub async fn a_dead_letter_is_replayed_to_its_subscription_alone(world: &World) {
    let mut broken = broken(world).await;
    let (sender, mut others) = mpsc::unbounded_channel();
    let other = move |event: Registered| {
        let _ = sender.send(event.serial);
        async {}
    };
    broken.bus.subscribe("other", other).concurrency(1).await.unwrap();
    publish(world, &["SN-1", "SN-2"]).await;
    let id = letters(&broken.bus, 2).await.remove(1).id;
    assert_eq!(waiting(&mut broken.attempts).len(), 2);

    broken.mended.store(true, Ordering::SeqCst);
    assert!(broken.bus.dead_letters(NAME).replay(&id).await.unwrap());
    assert_eq!(next(&mut broken.attempts).await, ("SN-2".to_owned(), 1, id.clone()));
    assert_eq!(serials(&letters(&broken.bus, 1).await), ["SN-1"]);
    assert!(!broken.bus.dead_letters(NAME).replay(&id).await.unwrap());

    publish(world, &["SN-3"]).await;
    for serial in ["SN-1", "SN-2", "SN-3"] {
        assert_eq!(next(&mut others).await, serial);
    }
}

pub async fn all_dead_letters_are_replayed_once(world: &World) {
    let mut broken = broken(world).await;
    publish(world, &["SN-1", "SN-2", "SN-3"]).await;
    letters(&broken.bus, 3).await;
    // They fail again, and are dead letters again.
    assert_eq!(broken.bus.dead_letters(NAME).replay_all().await.unwrap(), 3);
    for attempt in 0..6 {
        assert_eq!(next(&mut broken.attempts).await.1, 1, "{attempt}");
    }
    letters(&broken.bus, 3).await;
    broken.mended.store(true, Ordering::SeqCst);
    assert_eq!(broken.bus.dead_letters(NAME).replay_all().await.unwrap(), 3);
    for serial in ["SN-1", "SN-2", "SN-3"] {
        assert_eq!(next(&mut broken.attempts).await.0, serial);
    }
    assert!(letters(&broken.bus, 0).await.is_empty());
}

pub async fn dead_letters_are_discarded(world: &World) {
    let mut broken = broken(world).await;
    publish(world, &["SN-1", "SN-2", "SN-3"]).await;
    let id = letters(&broken.bus, 3).await.remove(1).id;
    let dead_letters = broken.bus.dead_letters(NAME);
    assert!(dead_letters.discard(&id).await.unwrap());
    assert!(!dead_letters.discard(&id).await.unwrap());
    assert_eq!(serials(&letters(&broken.bus, 2).await), ["SN-1", "SN-3"]);
    assert_eq!(dead_letters.discard_all().await.unwrap(), 2);
    assert!(letters(&broken.bus, 0).await.is_empty());
    assert_eq!(waiting(&mut broken.attempts).len(), 3);
}

pub async fn a_dropped_list_of_dead_letters_leaves_them_in_place(world: &World) {
    let broken = broken(world).await;
    publish(world, &["SN-1", "SN-2", "SN-3"]).await;
    letters(&broken.bus, 3).await;
    let dead_letters = broken.bus.dead_letters(NAME);
    for polls in 0..40 {
        if dropped_after(polls, dead_letters.list(10)).await.is_some() {
            break;
        }
    }
    eventually_async("all of them are there", || async { dead_letters.list(10).await.unwrap().len() == 3 }).await;
    assert_eq!(serials(&dead_letters.list(10).await.unwrap()), ["SN-1", "SN-2", "SN-3"]);
}

pub async fn a_subscription_that_does_not_exist_is_named_with_similar_names(world: &World) {
    let audit = world.join("audit").await;
    audit.subscribe("registrations", async |_: Registered| {}).await.unwrap();
    assert_eq!(audit.dead_letters("registrations").count().await.unwrap(), 0);
    assert!(audit.dead_letters("registrations").list(10).await.unwrap().is_empty());
    let unknown = |error: Error, expected: &[&str]| {
        let Error::UnknownSubscription { service, name, similar } = &error else { panic!("{error:?}") };
        assert_eq!((&**service, &**name), ("audit", "registrations2"));
        assert_eq!(similar, expected);
    };
    let dead_letters = audit.dead_letters("registrations2");
    unknown(dead_letters.count().await.unwrap_err(), &["registrations"]);
    unknown(dead_letters.list(10).await.unwrap_err(), &["registrations"]);
    unknown(dead_letters.replay("1").await.unwrap_err(), &["registrations"]);
    unknown(dead_letters.discard_all().await.unwrap_err(), &["registrations"]);
    assert!(matches!(audit.dead_letters("No name").count().await, Err(Error::Name(_))));
    audit.shutdown().await;
    assert!(matches!(dead_letters.count().await, Err(Error::Closed)));
}

pub async fn an_admin_names_another_service(world: &World) {
    let mut broken = broken(world).await;
    publish(world, &["SN-1"]).await;
    letters(&broken.bus, 1).await;
    let admin = world.join("admin").await;
    let letter = admin.dead_letters_of("audit", NAME).list(10).await.unwrap().remove(0);
    assert_eq!((&*letter.subscription, &*letter.event), (NAME, "registered"));
    assert!(matches!(admin.dead_letters(NAME).count().await, Err(Error::UnknownSubscription { .. })));
    assert!(matches!(admin.dead_letters_of("No name", NAME).count().await, Err(Error::Name(_))));
    broken.mended.store(true, Ordering::SeqCst);
    assert!(admin.dead_letters_of("audit", NAME).replay(&letter.id).await.unwrap());
    assert_eq!(next(&mut broken.attempts).await.0, "SN-1");
    assert_eq!(next(&mut broken.attempts).await.0, "SN-1");
}

pub async fn the_application_is_told_of_each_dead_letter(world: &World) {
    let (sender, mut told) = mpsc::unbounded_channel();
    let builder = world.process("audit").on_dead_letter(move |letter| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(letter);
            panic!("the alarm bell is broken");
        }
    });
    let audit = world.keep(builder.connect().await.unwrap());
    let retries = Retries::after([Duration::ZERO]);
    audit.subscribe(NAME, out_of_ink).retries(retries).await.unwrap();
    publish(world, &["SN-1", "SN-2"]).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let letter = next(&mut told).await;
        assert_eq!((&*letter.subscription, &*letter.api, &*letter.event), (NAME, "test.desk", "registered"));
        assert_eq!((letter.reason, letter.attempts, &*letter.publisher), (FailureReason::Panicked, 2, "desk"));
        assert!(letter.error.contains("out of ink"), "{}", letter.error);
        ids.push(letter.id);
    }
    // They are on the broker by then.
    let mut listed: Vec<_> = audit.dead_letters(NAME).list(10).await.unwrap().into_iter().map(|it| it.id).collect();
    listed.sort();
    ids.sort();
    assert_eq!(listed, ids);
}
