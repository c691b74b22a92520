//! A broker that the tests own, and may therefore maltreat.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use url::Url;

use crate::command::{patiently, run};

/// One node for all tests that need one, one after the other. It ends with this process, however that ends: it lives as
/// long as its standard input is open.
static NODE: OnceCell<Mutex<Node>> = OnceCell::const_new();

/// What it tells of itself, and what keeps it alive.
const STAY: &str =
    r#"echo "$LIGHTBUS_TEST_URL"; echo "$LIGHTBUS_TEST_NODE"; echo "$LIGHTBUS_TEST_RABBITMQCTL"; exec cat"#;

pub struct Node {
    url: Url,
    node: String,
    rabbitmqctl: String,
    _script: Child,
    _stay: ChildStdin,
}

impl Node {
    /// The node, for one test alone.
    pub async fn alone() -> MutexGuard<'static, Self> {
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
        let url = Url::parse(&told(&mut lines).await).unwrap();
        let (node, rabbitmqctl) = (told(&mut lines).await, told(&mut lines).await);
        Self { url, node, rabbitmqctl, _script: script, _stay: stay }
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Ends the node as a power cut would.
    pub async fn kill(&self) {
        run(&self.node, &["kill"]).await;
    }

    /// Starts the node again with its data, and returns when it is up.
    pub async fn start_again(&self) {
        run(&self.node, &["start"]).await;
    }

    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        run(&self.rabbitmqctl, arguments).await;
    }

    /// Changes a setting of the node. Channels that are open already may not notice.
    pub async fn set(&self, setting: &str, value: &str) {
        self.rabbitmqctl(&["eval", &format!("application:set_env(rabbit, {setting}, {value}).")]).await;
    }
}

async fn told(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    lines.next_line().await.unwrap().expect("scripts/with-rabbitmq has ended; it says above why")
}
