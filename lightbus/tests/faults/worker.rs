//! Worker processes that serve and subscribe. Each one runs this binary again and prints what it does line by line, so a
//! test knows what a worker did before it was killed.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lightbus_test_support::broker::process;
use lightbus_test_support::ledger::{Ledger, Observer};
use lightbus_test_support::load::{SUBSCRIPTIONS, serve_at_length, subscribe_at_length};
use lightbus_test_support::wait::guarded;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Makes this binary a worker, which works in the namespace that the variable names.
const NAMESPACE: &str = "LIGHTBUS_TEST_WORKER";

/// The number of the event that kills a worker.
const POISON: &str = "LIGHTBUS_TEST_WORKER_POISON";

/// How long each method and each handler takes, so that a worker is at work when a test ends it.
const WORK: Duration = Duration::from_millis(15);

/// A worker process, and the task that reads its output.
pub struct Worker {
    child: Child,
    /// The worker runs as long as this is open.
    _input: ChildStdin,
    reader: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker, and returns once it is ready.
    pub async fn start(namespace: &str, ledger: &Arc<Ledger>) -> Self {
        let (worker, begins) = Self::spawn(&mut command(namespace), ledger);
        guarded(begins).await.expect("the worker ended before it was ready");
        worker
    }

    /// Starts a worker that dies when its first subscription receives the event `poison`.
    pub fn start_mortal(namespace: &str, ledger: &Arc<Ledger>, poison: u64) -> Self {
        Self::spawn(command(namespace).env(POISON, poison.to_string()), ledger).0
    }

    fn spawn(command: &mut Command, ledger: &Arc<Ledger>) -> (Self, oneshot::Receiver<()>) {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let (ready, begins) = oneshot::channel();
        let reader = tokio::spawn(read(child.stdout.take().unwrap(), ledger.clone(), ready));
        (Self { child, _input: input, reader }, begins)
    }

    /// Whether the worker has died by itself.
    pub fn has_died(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills the worker, as a power cut would.
    pub async fn kill(mut self) {
        guarded(self.child.kill()).await.unwrap();
        guarded(self.reader).await.unwrap();
    }

    /// Asks the worker to stop, and waits until it has.
    pub async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success(), "kill -TERM {id}: {sent}");
        let status = guarded(self.child.wait()).await.unwrap();
        assert!(status.success(), "the worker ended with {status}");
        guarded(self.reader).await.unwrap();
    }
}

/// Returns the command that runs this binary as a worker.
fn command(namespace: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker::worker_process", "--exact", "--nocapture"]).env(NAMESPACE, namespace);
    command
}

/// Enters what a worker prints in the ledger, until the worker ends.
async fn read(output: ChildStdout, ledger: Arc<Ledger>, ready: oneshot::Sender<()>) {
    let (mut lines, mut ready) = (BufReader::new(output).lines(), Some(ready));
    while let Ok(Some(line)) = lines.next_line().await {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["ready"] => drop(ready.take().map(|ready| ready.send(()))),
            ["runs", number] => ledger.ran(number.parse().unwrap()),
            ["handles", subscription, number] => {
                let subscription = SUBSCRIPTIONS.into_iter().find(|name| *name == subscription).unwrap();
                ledger.handled(subscription, number.parse().unwrap());
            }
            // The output of the test harness.
            _ => {}
        }
    }
}

/// Prints what runs.
struct Printer {
    poison: Option<u64>,
}

impl Observer for Printer {
    fn ran(&self, number: u64) {
        print(&format!("runs {number}"));
    }

    fn handled(&self, subscription: &'static str, number: u64) {
        if subscription == SUBSCRIPTIONS[0] && self.poison == Some(number) {
            std::process::exit(1);
        }
        print(&format!("handles {subscription} {number}"));
    }
}

fn print(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

/// Runs the worker. In an ordinary run of the tests it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn worker_process() {
    let Ok(namespace) = std::env::var(NAMESPACE) else { return };
    let bus = process("counter", &namespace).connect().await.unwrap();
    let poison = std::env::var(POISON).ok().map(|number| number.parse().unwrap());
    let observer = Arc::new(Printer { poison });
    serve_at_length(&bus, &observer, WORK).await;
    subscribe_at_length(&bus, &observer, WORK).await;
    // Its input ends when the process that started it ends, for whatever reason.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    // `run` listens for signals from its first poll on.
    let (stopped, ()) = tokio::join!(bus.run(), async { print("\nready") });
    stopped.unwrap();
}
