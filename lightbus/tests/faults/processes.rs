//! Processes that are killed at work, or are replaced one after the other.

use std::sync::Arc;

use lightbus_test_support::broker::{fresh_namespace, process};
use lightbus_test_support::environment::rounds;
use lightbus_test_support::ledger::Ledger;
use lightbus_test_support::load::{Load, SUBSCRIPTIONS};

use crate::worker::Worker;

/// How many calls are answered between two faults.
const BETWEEN: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_only_its_running_calls() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let caller = process("counter", &namespace).connect().await.unwrap();
    let mut workers = [Worker::start(&namespace, &ledger).await, Worker::start(&namespace, &ledger).await];
    let load = Load::start(&caller, &caller, &ledger);
    for round in 0..rounds(4) {
        load.wait_for_answers(BETWEEN).await;
        let next = Worker::start(&namespace, &ledger).await;
        std::mem::replace(&mut workers[round as usize % 2], next).kill().await;
    }
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.all_handled(&SUBSCRIPTIONS).await;
    for worker in workers {
        worker.stop().await;
    }
    let failures = ledger.balance("processes that are killed", &SUBSCRIPTIONS).await;
    let repeatable = failures.keys().find(|(_, may_repeat)| *may_repeat == "may repeat");
    assert_eq!(repeatable, None, "another process could have served it: {failures:?}");
    caller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_call() {
    let (namespace, ledger) = (fresh_namespace(), Arc::new(Ledger::default()));
    let caller = process("counter", &namespace).connect().await.unwrap();
    let mut workers = vec![Worker::start(&namespace, &ledger).await, Worker::start(&namespace, &ledger).await];
    let load = Load::start(&caller, &caller, &ledger);
    for _ in 0..rounds(4) {
        load.wait_for_answers(BETWEEN).await;
        // One serves alone until the new one is ready.
        workers.remove(0).stop().await;
        workers.push(Worker::start(&namespace, &ledger).await);
    }
    load.wait_for_answers(BETWEEN).await;
    load.stop().await;
    ledger.all_handled(&SUBSCRIPTIONS).await;
    for worker in workers {
        worker.stop().await;
    }
    let failures = ledger.balance("rolling restart", &SUBSCRIPTIONS).await;
    assert!(failures.is_empty(), "{failures:?}");
    caller.shutdown().await;
}
