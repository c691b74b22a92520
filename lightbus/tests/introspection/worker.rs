//! Operating system processes with any number of buses. Each one runs this binary again.

use std::io::Write;
use std::process::Stdio;

use lightbus::Bus;
use lightbus_test_support::broker::process;
use lightbus_test_support::wait::guarded;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// Makes this binary a worker in the namespace that the variable names.
const NAMESPACE: &str = "LIGHTBUS_TEST_WORKER";

/// How many buses the worker connects.
const BUSES: &str = "LIGHTBUS_TEST_WORKER_BUSES";

/// What every worker serves.
pub const BELL: &str = "test.bell";

#[lightbus::api(name = "test.bell")]
pub trait Bell {
    async fn ring(&self) -> String;
}

struct Brass;

impl Bell for Brass {
    async fn ring(&self) -> String {
        "ding".to_owned()
    }
}

/// A process of the operating system that serves [`BELL`] on each of its buses.
pub struct Worker {
    child: Child,
    /// The worker runs as long as this is open.
    _input: ChildStdin,
}

impl Worker {
    /// Starts a worker, and returns once it serves.
    pub async fn start(namespace: &str, buses: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["worker::worker_process", "--exact", "--nocapture"]);
        command.env(NAMESPACE, namespace).env(BUSES, buses.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while guarded(lines.next_line()).await.unwrap().expect("the worker ended before it was ready") != "ready" {}
        // Its output is read until it ends, so that it never waits for that.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, _input: input }
    }

    /// Sends a signal to the worker.
    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await.unwrap();
        assert!(sent.success(), "kill {signal} {id}: {sent}");
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}

pub async fn serve(bus: &Bus) {
    bus.serve(BellServer::new(Brass)).await.unwrap();
}

/// Runs the worker. In an ordinary run of the tests it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let Ok(namespace) = std::env::var(NAMESPACE) else { return };
    let count = std::env::var(BUSES).unwrap().parse().unwrap();
    let mut buses = Vec::new();
    for _ in 0..count {
        let bus = process("bell", &namespace).connect().await.unwrap();
        serve(&bus).await;
        buses.push(bus);
    }
    writeln!(std::io::stdout().lock(), "\nready").unwrap();
    // The input ends when the process that started this one ends, for whatever reason.
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _ = ended.await;
    std::process::exit(0);
}
