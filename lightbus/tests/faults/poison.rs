//! Events that nobody can handle, among good ones.

use std::sync::Arc;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lightbus::event::{DeadLetter, FailureReason};
use lightbus::prelude::*;
use lightbus_test_support::broker::{fresh_namespace, process, raw_channel};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::{Ledger, Observer};
use lightbus_test_support::load::{CounterApi, Happened, Load, SUBSCRIPTIONS, next_number, publish};
use lightbus_test_support::wait::GUARD;
use tokio::time::{interval, timeout};

use crate::worker::Worker;

/// More dead letters than there can be.
const ALL: usize = 10_000;

/// Far longer than it takes some twenty processes to start, one after the other.
const MANY_LIVES: Duration = GUARD.saturating_mul(5);

/// Every so many events there is one of each kind of poison.
const EVERY: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn poison_messages_do_not_delay_others() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let bus = process("counter", &namespace).connect().await.unwrap();
    bus.own_api::<CounterApi>();
    let observer = ledger.clone();
    bus.subscribe("good", move |event: Happened| {
        let observer = observer.clone();
        async move {
            match event.number % EVERY {
                0 => panic!("poison"),
                1 => Err(HandlerError::reject("poison")),
                _ => {
                    observer.handled("good", event.number);
                    Ok(())
                }
            }
        }
    })
    .concurrency(4)
    .await
    .unwrap();

    let (channel, exchange) = (raw_channel().await, format!("{namespace}.events"));
    let count = u64::from(rounds(300));
    for number in 0..count {
        if number % EVERY > 1 {
            ledger.publish_started(number);
        }
        bus.publish(Happened { number }).await.unwrap();
        if number % EVERY > 1 {
            ledger.publish_ended(number, true);
        } else {
            let options = BasicPublishOptions::default();
            let (exchange, key) = (exchange.as_str().into(), "faults.counter.happened".into());
            channel.basic_publish(exchange, key, options, b"\xc1", BasicProperties::default()).await.unwrap();
        }
    }
    ledger.balance("poison among good events", &["good"]).await;
    // One rejected and two that do not decode for each that panics, which may still be tried again.
    let for_good = count / EVERY * 3;
    loop {
        let letters = bus.dead_letters("good").count().await.unwrap();
        assert!(letters <= for_good + count / EVERY, "more dead letters than poison: {letters}");
        if letters >= for_good {
            break;
        }
    }
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_crashes_processes_becomes_a_dead_letter_and_can_be_replayed() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let bus = process("counter", &namespace).connect().await.unwrap();
    Worker::start(&namespace, &ledger).await.stop().await;
    let load = Load::start(&bus, &bus, &ledger);
    let poison = next_number();
    publish(bus.clone(), poison, ledger.clone()).await;
    let deaths = timeout(MANY_LIVES, crash_with(poison, &bus, &namespace, &ledger)).await.expect("it lives on");
    load.stop().await;

    let letters = bus.dead_letters(SUBSCRIPTIONS[0]).list(ALL).await.unwrap();
    println!("processes that die of an event: {deaths} deaths, {} dead letters", letters.len());
    let letter = find(&letters, poison).unwrap();
    assert_eq!((&*letter.api, &*letter.event, &*letter.publisher), ("faults.counter", "happened", "counter"));
    // Nobody lived to tell more.
    assert_eq!((letter.attempts, &*letter.error, &*letter.process), (0, "", ""));
    let worker = Worker::start(&namespace, &ledger).await;
    for subscription in SUBSCRIPTIONS {
        // Events of either subscription that were in the processes with the poison became dead letters with it.
        let letters = bus.dead_letters(subscription).list(ALL).await.unwrap();
        assert!(letters.iter().all(|letter| letter.reason == FailureReason::DeliveryLimit), "{letters:?}");
        let replayed = bus.dead_letters(subscription).replay_all().await.unwrap();
        assert_eq!(replayed, letters.len() as u64);
    }
    ledger.all_handled(&SUBSCRIPTIONS).await;
    worker.stop().await;
    ledger.balance("processes that die of an event", &SUBSCRIPTIONS).await;
    for subscription in SUBSCRIPTIONS {
        assert_eq!(bus.dead_letters(subscription).count().await.unwrap(), 0);
    }
    bus.shutdown().await;
}

/// Starts one process after the other, each of which dies of that event, until it is a dead letter. Returns how many died.
async fn crash_with(poison: u64, bus: &Bus, namespace: &str, ledger: &Arc<Ledger>) -> u32 {
    let dead_letters = bus.dead_letters(SUBSCRIPTIONS[0]);
    let (mut deaths, mut looks) = (0, interval(Duration::from_millis(50)));
    let mut worker = Worker::start_mortal(namespace, ledger, poison);
    loop {
        looks.tick().await;
        if worker.has_died() {
            deaths += 1;
            worker = Worker::start_mortal(namespace, ledger, poison);
        } else if find(&dead_letters.list(ALL).await.unwrap(), poison).is_some() {
            worker.kill().await;
            return deaths;
        }
    }
}

fn find(letters: &[DeadLetter], number: u64) -> Option<&DeadLetter> {
    let happened = |letter: &DeadLetter| lightbus::codec::decode::<Happened>(&letter.payload).unwrap().number;
    letters.iter().find(|letter| happened(letter) == number)
}
