//! Processes of their own that serve and subscribe: this binary once more. They tell line by line what they do, so what
//! they had told before they were killed is known.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::broker::{guarded, process};
use crate::ledger::Ledger;
use crate::load::{Book, SUBSCRIPTIONS, serve_at_length, subscribe_at_length};

/// Makes a worker of this binary: the namespace that it works in.
const NAMESPACE: &str = "LIGHTBUS_TEST_WORKER";

/// The event that a worker dies of.
const POISON: &str = "LIGHTBUS_TEST_WORKER_POISON";

/// How long each method and each handler takes, so that whoever ends a worker finds it at work.
const WORK: Duration = Duration::from_millis(15);

/// A worker, and who reads what it tells.
pub struct Worker {
    child: Child,
    /// It works as long as this is open.
    _input: ChildStdin,
    reader: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker, and returns when it is ready.
    pub async fn start(namespace: &str, ledger: &Arc<Ledger>) -> Self {
        let (worker, begins) = Self::spawn(&mut command(namespace), ledger);
        guarded(begins).await.expect("the worker ended before it was ready");
        worker
    }

    /// Starts a worker that dies whenever the first of its subscriptions gets that event.
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

    /// Whether it has died by itself.
    pub fn has_died(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        guarded(self.child.kill()).await.unwrap();
        guarded(self.reader).await.unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(sent.success(), "kill -TERM {id}: {sent}");
        let status = guarded(self.child.wait()).await.unwrap();
        assert!(status.success(), "the worker ended with {status}");
        guarded(self.reader).await.unwrap();
    }
}

/// This binary, to work in that namespace.
fn command(namespace: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker::this_binary_at_work", "--exact", "--nocapture"]).env(NAMESPACE, namespace);
    command
}

/// Enters what a worker tells, until it has ended.
async fn read(output: ChildStdout, ledger: Arc<Ledger>, ready: oneshot::Sender<()>) {
    let (mut lines, mut ready) = (BufReader::new(output).lines(), Some(ready));
    while let Ok(Some(line)) = lines.next_line().await {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["ready"] => drop(ready.take().map(|ready| ready.send(()))),
            ["runs", number] => ledger.runs(number.parse().unwrap()),
            ["handles", subscription, number] => {
                let subscription = SUBSCRIPTIONS.into_iter().find(|name| *name == subscription).unwrap();
                ledger.handles(subscription, number.parse().unwrap());
            }
            // What the test harness says.
            _ => {}
        }
    }
}

struct Told {
    poison: Option<u64>,
}

impl Book for Told {
    fn runs(&self, number: u64) {
        tell(&format!("runs {number}"));
    }

    fn handles(&self, subscription: &'static str, number: u64) {
        if subscription == SUBSCRIPTIONS[0] && self.poison == Some(number) {
            std::process::exit(1);
        }
        tell(&format!("handles {subscription} {number}"));
    }
}

fn tell(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

/// What a worker does. In the ordinary run of the tests there is nothing for it to do.
#[tokio::test(flavor = "multi_thread")]
async fn this_binary_at_work() {
    let Ok(namespace) = std::env::var(NAMESPACE) else { return };
    let bus = process("counter", &namespace).connect().await.unwrap();
    let poison = std::env::var(POISON).ok().map(|number| number.parse().unwrap());
    let book = Arc::new(Told { poison });
    serve_at_length(&bus, &book, WORK).await;
    subscribe_at_length(&bus, &book, WORK).await;
    // The end of its input tells that whoever started it has ended, in whatever way.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    // It listens for signals from its first poll on.
    let (stopped, ()) = tokio::join!(bus.run(), async { tell("\nready") });
    stopped.unwrap();
}
