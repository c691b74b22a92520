//! What a process does when it is told to stop.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
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
        let handler = handler.clone();
        tokio::spawn(async move { println!("{handler}") });
    }
    bus.run().await.unwrap();
    if handler == "goes on" {
        println!("still here");
        std::future::pending::<()>().await;
    }
    std::process::exit(0);
}

fn start(handler: &str) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, handler)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    read_until(&mut process, handler);
    process
}

/// Reads what the process prints, up to that line. The test program prints lines of its own, too.
fn read_until(process: &mut Child, expected: &str) {
    let mut output = BufReader::with_capacity(1, process.stdout.take().unwrap());
    let mut line = String::new();
    while !line.trim_end().ends_with(expected) {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "it never printed {expected:?}");
    }
    process.stdout = Some(output.into_inner());
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

#[test]
fn a_signal_after_run_has_returned_ends_the_process() {
    for signal in [15, 2] {
        let mut process = start("goes on");
        tell(&process, "-TERM");
        read_until(&mut process, "still here");
        tell(&process, &format!("-{signal}"));
        assert_eq!(end(process).signal(), Some(signal));
    }
}
