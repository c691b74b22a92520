//! Lightbus and a peer in another language, which was written from `docs/protocol.md` alone, on one bus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, SystemTime};

use lightbus::message::TraceContext;
use lightbus::prelude::*;
use lightbus_test_support::broker;
use lightbus_test_support::environment::variable;
use lightbus_test_support::wait::GUARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
enum DivisionError {
    #[error("{dividend} cannot be divided by zero")]
    DivisionByZero { dividend: i64 },
}

/// What both sides serve.
#[lightbus::api(name = "peer.calculator")]
trait Calculator {
    #[rpc(idempotent)]
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, DivisionError>;

    async fn greet(&self, name: &str) -> String;

    async fn fail(&self);

    /// The Python side does not have it.
    async fn multiply(&self, a: i64, b: i64) -> i64;

    #[event]
    fn divided(dividend: i64, divisor: i64);
}

/// The same API as it might have been in an older version.
mod older {

    #[lightbus::api(name = "peer.calculator")]
    pub(crate) trait Calculator {
        async fn divide(&self, dividend: i64) -> i64;
    }
}

struct Desk;

impl Calculator for Desk {
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, DivisionError> {
        dividend.checked_div(divisor).ok_or(DivisionError::DivisionByZero { dividend })
    }

    async fn greet(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }

    async fn fail(&self) {
        panic!("this method always fails");
    }

    async fn multiply(&self, a: i64, b: i64) -> i64 {
        a * b
    }
}

// --- the two sides ---------------------------------------------------------------------------------------------------

/// A bus of its own on the broker, so that tests and runs do not disturb each other.
#[derive(Clone)]
struct World {
    url: String,
    namespace: String,
}

impl World {
    fn new() -> Self {
        Self { url: broker::url().into(), namespace: broker::fresh_namespace() }
    }

    async fn bus(&self, service: &str) -> Bus {
        Bus::service(service).url(&self.url).namespace(&self.namespace).connect().await.unwrap()
    }

    fn python(&self, service: &str, arguments: &[&str]) -> Command {
        let mut command = python();
        command.args(["--url", &self.url, "--namespace", &self.namespace, "--service", service]).args(arguments);
        command
    }

    /// Runs the peer in a mode that ends by itself: the line that it prints.
    async fn run(&self, service: &str, arguments: &[&str]) -> Value {
        run(self.python(service, arguments)).await
    }

    /// Starts the peer in a mode that goes on, and waits until it is ready.
    async fn start(&self, service: &str, arguments: &[&str]) -> Peer {
        let mut peer = Peer::spawn(self.python(service, arguments));
        assert_eq!(peer.line().await, json!({"ready": true}));
        peer
    }
}

fn python() -> Command {
    let mut command = Command::new(variable("LIGHTBUS_TEST_PYTHON"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peer/peer.py")).stdin(Stdio::null());
    command
}

async fn run(mut command: Command) -> Value {
    let output = tokio::task::spawn_blocking(move || command.stderr(Stdio::inherit()).output()).await.unwrap().unwrap();
    assert!(output.status.success(), "the peer failed ({}); its messages are above", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The peer in a mode that goes on. It is killed when this is dropped, so a test that fails leaves nothing behind.
struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<Value>,
}

impl Peer {
    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let Ok(()) = sender.send(serde_json::from_str(&line).unwrap()) else { return };
            }
        });
        Self { child, stdin, lines }
    }

    /// The next line that it prints.
    async fn line(&mut self) -> Value {
        let line = timeout(GUARD, self.lines.recv()).await.expect("the peer printed nothing");
        line.expect("the peer ended; its messages are above")
    }

    /// Closes its standard input, upon which it ends.
    async fn stop(mut self) {
        drop(self.stdin.take());
        let rest = timeout(GUARD, self.lines.recv()).await.expect("the peer did not end");
        assert_eq!(rest, None, "the peer printed more than the test expected");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn assert_version_7(id: &Value) {
    let id = uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 7);
}

// --- the document ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_examples_of_the_document_are_right() {
    let mut command = python();
    command.args(["check-examples", concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md")]);
    assert_eq!(run(command).await, json!({"examples": 5}));
}

// --- Python calls Rust -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn python_calls_rust_in_either_encoding() {
    let world = World::new();
    let bus = world.bus("desk").await;
    bus.serve(CalculatorServer::new(Desk)).await.unwrap();

    for (flags, content_type) in [(&[][..], Value::Null), (&["--json"][..], json!("application/json"))] {
        let call = async |method: &str, arguments: &str| {
            let words = [&["call", "peer.calculator", method, arguments], flags].concat();
            let answer = world.run("python", &words).await;
            assert_eq!(answer["content_type"], content_type, "{answer}");
            assert_eq!(answer["app_id"], "desk", "{answer}");
            answer
        };

        let answer = call("divide", r#"{"dividend": 7, "divisor": 2}"#).await;
        assert_eq!((&answer["type"], &answer["body"]), (&json!("ok"), &json!(3)));

        let answer = call("greet", r#"{"name": "Zoë", "unknown": [{}]}"#).await;
        assert_eq!((&answer["type"], &answer["body"]), (&json!("ok"), &json!("Hello, Zoë!")));

        let answer = call("divide", r#"{"dividend": 7, "divisor": 0}"#).await;
        assert_eq!((&answer["type"], &answer["body"]), (&json!("error"), &json!({"DivisionByZero": {"dividend": 7}})));

        let answer = call("divide", r#"{"dividend": 7, "divisor": "two"}"#).await;
        assert_eq!((&answer["type"], &answer["body"]["code"]), (&json!("fault"), &json!("invalid_arguments")));
        assert_eq!(answer["body"]["details"], json!({"path": "divisor"}));

        let answer = call("root", "{}").await;
        assert_eq!((&answer["type"], &answer["body"]["code"]), (&json!("fault"), &json!("unknown_method")));
        assert_eq!(answer["body"]["details"], json!({"methods": ["divide", "greet", "fail", "multiply"]}));

        let answer = call("fail", "{}").await;
        assert_eq!((&answer["type"], &answer["body"]["code"]), (&json!("fault"), &json!("handler_panicked")));
        assert_eq!(answer["body"]["message"], "this method always fails");
    }
    bus.shutdown().await;
}

#[tokio::test]
async fn python_is_told_at_once_that_no_process_serves() {
    let answer = World::new().run("python", &["call", "peer.calculator", "greet", "{}"]).await;
    assert_eq!(answer, json!({"type": "nobody serves"}));
}

// --- Rust calls Python -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn rust_calls_python() {
    let world = World::new();
    let mut peer = world.start("python", &["serve", "peer.calculator"]).await;
    let bus = world.bus("shop").await;
    let calculator = CalculatorClient::new(&bus);

    let trace = TraceContext {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        tracestate: Some("vendor=1".to_owned()),
    };
    let quotient = calculator.divide(7, 2).timeout(GUARD).trace(trace).await;
    assert_eq!(quotient.unwrap(), 3);
    let mut line = peer.line().await;
    assert_eq!(line["answered"], "ok");
    let request = line["request"].as_object_mut().unwrap();
    let expiration = request.remove("expiration").unwrap().as_str().unwrap().parse().map(Duration::from_millis);
    assert!(expiration.is_ok_and(|left| !left.is_zero() && left <= GUARD));
    assert!(!request.remove("correlation_id").unwrap().as_str().unwrap().is_empty());
    assert_eq!(
        line["request"],
        json!({
            "type": "peer.calculator.divide",
            "app_id": "shop",
            "message_id": null,
            "content_type": null,
            "delivery_mode": null,
            "headers": {
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate": "vendor=1",
            },
            "body": {"dividend": 7, "divisor": 2},
        })
    );

    assert_eq!(calculator.greet("Zoë").timeout(GUARD).await.unwrap(), "Hello, Zoë!");
    let line = peer.line().await;
    assert_eq!((&line["answered"], &line["request"]["headers"]), (&json!("ok"), &Value::Null));

    let error = calculator.divide(7, 0).timeout(GUARD).await.unwrap_err();
    assert_eq!(error.into_method_error().unwrap(), DivisionError::DivisionByZero { dividend: 7 });
    assert_eq!(peer.line().await["answered"], "error");

    let error = calculator.multiply(2, 3).timeout(GUARD).await.unwrap_err();
    assert!(
        matches!(&error, CallError::UnknownMethod { known, .. } if known == &["divide", "fail", "greet"]),
        "{error:?}"
    );
    assert_eq!(peer.line().await["answered"], "fault");

    let error = calculator.fail().timeout(GUARD).await.unwrap_err();
    assert!(
        matches!(&error, CallError::HandlerPanicked { message, .. } if message == "this method always fails"),
        "{error:?}"
    );
    assert_eq!(peer.line().await["answered"], "fault");

    let error = older::CalculatorClient::new(&bus).divide(7).timeout(GUARD).await.unwrap_err();
    assert!(matches!(&error, CallError::InvalidArguments { path, .. } if path == "divisor"), "{error:?}");
    assert_eq!(peer.line().await["answered"], "fault");

    peer.stop().await;
    bus.shutdown().await;
}

// --- events ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn python_subscribes_to_what_rust_publishes() {
    let world = World::new();
    let mut peer = world.start("python", &["subscribe", "audit", "peer.#"]).await;
    let bus = world.bus("desk").await;
    bus.own_api::<CalculatorApi>();

    bus.publish(Divided { dividend: 7, divisor: 2 }).await.unwrap();
    let mut line = peer.line().await;
    assert_version_7(&line["event"]["message_id"].take());
    assert_eq!(
        line,
        json!({
            "routing_key": "peer.calculator.divided",
            "event": {
                "type": "peer.calculator.divided",
                "app_id": "desk",
                "correlation_id": null,
                "message_id": null,
                "content_type": null,
                "delivery_mode": 2,
                "expiration": null,
                "headers": null,
                "body": {"dividend": 7, "divisor": 2},
            },
        })
    );

    peer.stop().await;
    bus.shutdown().await;
}

#[tokio::test]
async fn rust_subscribes_to_what_python_publishes() {
    let world = World::new();
    let bus = world.bus("shop").await;
    let (sender, mut received) = mpsc::unbounded_channel();
    let handler = move |event: Divided, context: Context| {
        let sender = sender.clone();
        async move { sender.send((event, context)).unwrap() }
    };
    bus.subscribe("count", handler).await.unwrap();

    for flags in [&[][..], &["--json"][..]] {
        let words =
            [&["publish", "peer.calculator.divided", r#"{"dividend": 7, "divisor": 2, "unknown": null}"#], flags]
                .concat();
        let published = world.run("python", &words).await;
        let (event, context) = timeout(GUARD, received.recv()).await.unwrap().unwrap();
        assert_eq!((event.dividend, event.divisor), (7, 2));
        assert_eq!(published, json!({"published": context.message_id()}));
        assert_eq!(context.service(), "python");
    }
    bus.shutdown().await;
}

#[tokio::test]
async fn python_reads_the_dead_letters_of_rust() {
    let world = World::new();
    let bus = world.bus("shop").await;
    let handler = |event: Divided| async move {
        match event.divisor {
            0 => Err(HandlerError::reject("there is no quotient")),
            _ => Err(HandlerError::new("the shop is closed")),
        }
    };
    bus.subscribe("count", handler).retries(Retries::none()).await.unwrap();

    for (fields, reason, error) in [
        (r#"{"dividend": 7, "divisor": 2}"#, "failed", "the shop is closed"),
        (r#"{"dividend": 7, "divisor": 0}"#, "rejected", "there is no quotient"),
        (r#"{"dividend": 7, "divisor": "two"}"#, "undecodable", "`divisor`"),
    ] {
        let published = world.run("python", &["publish", "peer.calculator.divided", fields]).await;
        let mut letter = world.run("python", &["take-dead-letter", "shop", "count"]).await;
        assert_eq!(letter["message_id"], published["published"]);
        assert_eq!(letter["type"], "peer.calculator.divided");
        assert_eq!(letter["app_id"], "python");
        assert_eq!(letter["delivery_mode"], 2);
        assert_eq!(letter["body"], serde_json::from_str::<Value>(fields).unwrap());

        let headers = &mut letter["headers"];
        assert_eq!(headers["lightbus-reason"], reason);
        assert!(headers["lightbus-error"].as_str().unwrap().contains(error), "{headers}");
        assert_eq!(headers["lightbus-attempt"], 1);
        let process = headers["lightbus-process"].as_str().unwrap();
        assert!(process.starts_with("shop@") && process.ends_with(&format!(":{}", std::process::id())), "{process}");
        let failed_at = Duration::from_millis(headers["lightbus-failed-at"].as_u64().unwrap());
        assert!(SystemTime::UNIX_EPOCH.elapsed().unwrap().abs_diff(failed_at) < GUARD);
    }
    bus.shutdown().await;
}

#[tokio::test]
async fn rust_counts_the_dead_letters_of_python() {
    let world = World::new();
    let peer = world.start("shop", &["subscribe", "count", "peer.calculator.divided"]).await;
    world.run("python", &["publish", "peer.calculator.divided", "[7, 2]"]).await;
    let letter = world.run("python", &["take-dead-letter", "shop", "count", "--leave"]).await;
    assert_eq!(letter["headers"]["lightbus-reason"], "undecodable");
    peer.stop().await;

    let bus = world.bus("shop").await;
    assert_eq!(bus.dead_letters("count").count().await.unwrap(), 1);
    bus.shutdown().await;
}
