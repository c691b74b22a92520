//! What a process does when it is told to stop.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use lightbus::prelude::*;

/// Tells the test program that it is the process that is to be told.
const CHILD: &str = "LIGHTBUS_TEST_CHILD";

#[lightbus::api(name = "test.desk")]
trait Desk {
    async fn never_ends(&self);
}

struct Busy;

impl Desk for Busy {
    async fn never_ends(&self) {
        println!("busy");
        std::future::pending().await
    }
}

/// The process that is told. As a test of its own it does nothing.
#[tokio::test]
async fn child() {
    let Ok(handler) = std::env::var(CHILD) else { return };
    let bus =
        Bus::service("desk").url("memory://").shutdown_timeout(Duration::from_secs(3600)).connect().await.unwrap();
    bus.serve(DeskServer::new(Busy)).await.unwrap();
    // Both begin when this task waits for the first time, and by then it listens.
    if handler == "busy" {
        tokio::spawn(DeskClient::new(&bus).never_ends().into_future());
    } else {
        tokio::spawn(async { println!("idle") });
    }
    bus.run().await.unwrap();
    std::process::exit(0);
}

fn start(handler: &str) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, handler)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // The test program says something of its own first.
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with(handler)));
    process
}

fn tell(process: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

fn end(mut process: Child) -> ExitStatus {
    process.wait().unwrap()
}

#[test]
fn a_signal_ends_an_idle_process() {
    for signal in ["-TERM", "-INT"] {
        let process = start("idle");
        tell(&process, signal);
        assert!(end(process).success());
    }
}

#[test]
fn a_second_signal_ends_a_process_that_is_busy() {
    let process = start("busy");
    tell(&process, "-TERM");
    tell(&process, "-INT");
    assert!(end(process).success());
}
