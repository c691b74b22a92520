//! A RabbitMQ node that tests may kill and reconfigure.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use url::Url;

use crate::command::{patiently, run};

/// The node that all tests of a program use, one after the other. It runs as long as its standard input is open, so it
/// stops when this process ends, for whatever reason.
static NODE: OnceCell<Mutex<Node>> = OnceCell::const_new();

/// Prints how to reach and control the node, and then keeps it running.
const STAY: &str =
    r#"echo "$LIGHTBUS_TEST_URL"; echo "$LIGHTBUS_TEST_NODE"; echo "$LIGHTBUS_TEST_RABBITMQCTL"; exec cat"#;

/// A RabbitMQ node that tests may kill and reconfigure.
#[derive(Debug)]
pub struct Node {
    url: Url,
    control: String,
    rabbitmqctl: String,
    _script: Child,
    _stay: ChildStdin,
}

impl Node {
    /// Returns the node, for one test at a time.
    pub async fn exclusive() -> MutexGuard<'static, Self> {
        let node = NODE.get_or_init(|| async { Mutex::new(patiently(Self::start()).await) });
        node.await.lock().await
    }

    async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/with-rabbitmq");
        let mut command = Command::new(script);
        command.args(["bash", "-c", STAY]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("scripts/with-rabbitmq does not start");
        let stay = script.stdin.take().unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let url = Url::parse(&next_line(&mut lines).await).unwrap();
        let (control, rabbitmqctl) = (next_line(&mut lines).await, next_line(&mut lines).await);
        Self { url, control, rabbitmqctl, _script: script, _stay: stay }
    }

    /// The URL of the node.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Kills the node, as a power cut would.
    pub async fn kill(&self) {
        run(&self.control, &["kill"]).await;
    }

    /// Starts the node again with its data, and returns once it is up.
    pub async fn restart(&self) {
        run(&self.control, &["start"]).await;
    }

    /// Runs `rabbitmqctl` on the node.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        run(&self.rabbitmqctl, arguments).await;
    }

    /// Changes a setting of the node. Channels and consumers that exist already may keep the old value.
    pub async fn set(&self, setting: &str, value: &str) {
        // RabbitMQ 4 copies some settings to persistent terms when it starts, and reads those.
        let change =
            format!("application:set_env(rabbit, {setting}, {value}), persistent_term:put({setting}, {value}).");
        self.rabbitmqctl(&["eval", &change]).await;
    }
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    lines.next_line().await.unwrap().expect("scripts/with-rabbitmq has ended; its messages are above")
}
