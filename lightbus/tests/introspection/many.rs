//! Many processes, one of which may be stopped.

use std::time::{Duration, Instant};

use lightbus::Bus;
use lightbus::introspection::{Answers, Ping};
use lightbus_test_support::broker::{fresh_namespace, process};
use lightbus_test_support::wait::{GUARD, eventually_async};

use crate::worker::{BELL, Worker};

/// How many buses are asked.
const BUSES: usize = 200;

/// How many processes of the operating system they are in.
const WORKERS: usize = 4;

/// Asks until everybody has answered, and returns what the last question brought.
pub async fn complete(asker: &Bus, answers: usize) -> Answers<Ping> {
    let last = std::sync::Mutex::new(None);
    eventually_async("everybody answers", || async {
        let Ok(pings) = asker.introspection().timeout(GUARD / 4).expect_api(BELL).unwrap().ping().await else {
            return false;
        };
        let complete = pings.is_complete() && pings.answers.len() == answers;
        *last.lock().unwrap() = Some(pings);
        complete
    })
    .await;
    last.into_inner().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_processes_answer_completely() {
    let namespace = fresh_namespace();
    let asker = process("asker", &namespace).connect().await.unwrap();
    let starting = (0..WORKERS).map(|_| Worker::start(&namespace, BUSES / WORKERS));
    let workers: Vec<Worker> = futures_util::future::join_all(starting).await;
    complete(&asker, BUSES + 1).await;

    let asked = Instant::now();
    let pings = asker.introspection().timeout(GUARD).ping().await.unwrap();
    let (took, last) = (asked.elapsed(), pings.answers.last().unwrap().round_trip);
    println!("{} processes answered within {last:?}; asking took {took:?}", pings.answers.len());
    assert!(pings.is_complete() && pings.failures.is_empty() && pings.dropped == 0, "{:?}", pings.queues);
    assert_eq!(pings.answers.len(), BUSES + 1);
    let asked = Instant::now();
    let infos = asker.introspection().timeout(GUARD).info().await.unwrap();
    println!("all about {} processes took {:?}", infos.answers.len(), asked.elapsed());
    assert_eq!((infos.answers.len(), infos.late.len()), (BUSES + 1, 0));
    drop(workers);
    asker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_stopped_is_named_as_missing() {
    let namespace = fresh_namespace();
    let asker = process("asker", &namespace).connect().await.unwrap();
    let (runs, stops) = tokio::join!(Worker::start(&namespace, 1), Worker::start(&namespace, 1));
    let pings = complete(&asker, 3).await;
    let stopped = pings.answers.iter().find(|answer| answer.value.pid == stops.pid()).unwrap().process.clone();

    stops.signal("-STOP").await;
    let pings = asker.introspection().timeout(Duration::from_secs(2)).ping().await.unwrap();
    assert!(!pings.is_complete() && pings.of(&stopped).is_none(), "{pings:?}");
    let missing: Vec<_> = pings.missing().collect();
    let [queue] = *missing else { panic!("{missing:?}") };
    assert_eq!((queue.consumers, queue.answered, &*queue.silent), (Some(2), 1, &[stopped.clone()][..]));
    assert_eq!(queue.to_string(), format!("{BELL}: 2 consumers, 1 answered; {stopped} answered earlier"));
    assert!(pings.answers.iter().any(|answer| answer.value.pid == runs.pid()), "{pings:?}");

    // Somebody who has never asked before cannot know its name, but knows that it is missing.
    let stranger = process("stranger", &namespace).connect().await.unwrap();
    let pings = stranger.introspection().timeout(Duration::from_secs(2)).ping().await.unwrap();
    assert_eq!(
        pings.missing().map(ToString::to_string).collect::<Vec<_>>(),
        [format!("{BELL}: 2 consumers, 1 answered")]
    );

    stops.signal("-CONT").await;
    complete(&asker, 4).await;
    stranger.shutdown().await;
    asker.shutdown().await;
}
