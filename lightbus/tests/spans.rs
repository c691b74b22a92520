//! The spans of calls and events, as whoever listens to them gets them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use lightbus::layer::{Message, Next, Outcome};
use lightbus::prelude::*;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Line, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context as Around, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span or a line of the log.
#[derive(Debug, Default)]
struct Seen {
    parent: Option<u64>,
    text: String,
    fields: BTreeMap<&'static str, String>,
}

/// What was seen, in order. Spans have an id, and lines of the log have none.
type AllSeen = Vec<(Option<u64>, Seen)>;

#[derive(Debug, Clone, Default)]
struct Listener(Arc<Mutex<AllSeen>>);

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.text = format!("{value:?}"),
            "messaging.message.id" => assert!(!format!("{value:?}").is_empty()),
            name => {
                self.fields.insert(name, format!("{value:?}").trim_matches('"').to_owned());
            }
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, around: Around<'_, S>) {
        let metadata = attributes.metadata();
        let parent = around.span(id).and_then(|span| span.parent().map(|parent| parent.id().into_u64()));
        let mut seen = Seen { parent, text: metadata.name().to_owned(), ..Seen::default() };
        attributes.record(&mut seen);
        if metadata.target().starts_with("lightbus") {
            self.0.lock().unwrap().push((Some(id.into_u64()), seen));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Around<'_, S>) {
        let mut all = self.0.lock().unwrap();
        if let Some((_, seen)) = all.iter_mut().rev().find(|(known, _)| *known == Some(id.into_u64())) {
            values.record(seen);
        }
    }

    fn on_event(&self, line: &Line<'_>, around: Around<'_, S>) {
        if line.metadata().target() == "app" {
            let parent = around.event_span(line).map(|span| span.id().into_u64());
            let mut seen = Seen { parent, ..Seen::default() };
            line.record(&mut seen);
            self.0.lock().unwrap().push((None, seen));
        }
    }
}

impl Listener {
    /// What was seen, as a tree.
    fn tree(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None, 0);
        text
    }

    fn write(&self, text: &mut String, parent: Option<u64>, depth: usize) {
        let all = self.0.lock().unwrap();
        let children: Vec<_> = all.iter().filter(|(_, seen)| seen.parent == parent).collect();
        let lines: Vec<_> = children
            .iter()
            .map(|(id, seen)| {
                let fields: String = seen.fields.iter().fold(String::new(), |mut fields, (name, value)| {
                    let _ = write!(fields, " {name}={value}");
                    fields
                });
                (*id, format!("{}{}{fields}\n", "  ".repeat(depth), seen.text))
            })
            .collect();
        drop(all);
        for (id, line) in lines {
            text.push_str(&line);
            if id.is_some() {
                self.write(text, id, depth + 1);
            }
        }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("there is no product {0}")]
struct NoSuchProduct(String);

#[lightbus::api(name = "spans.desk")]
trait Desk {
    async fn check(&self, serial: &str) -> Result<u32, NoSuchProduct>;
    async fn count(&self) -> u64;
    async fn break_down(&self);
    #[event]
    fn sold(serial: String);
}

struct Clerk(Bus);

impl Desk for Clerk {
    async fn check(&self, serial: &str) -> Result<u32, NoSuchProduct> {
        tracing::info!(target: "app", "checking");
        DeskClient::new(&self.0).count().await.unwrap();
        if serial.is_empty() { Err(NoSuchProduct(serial.to_owned())) } else { Ok(7) }
    }

    async fn count(&self) -> u64 {
        42
    }

    async fn break_down(&self) {
        panic!("out of ink");
    }
}

async fn log(message: &mut Message, next: Next<'_>) -> Outcome {
    tracing::info!(target: "app", "a layer");
    next.run(message).await
}

async fn desk() -> (Bus, DeskClient) {
    let bus = Bus::service("desk").url("memory://").connect().await.unwrap();
    bus.serve(DeskServer::new(Clerk(bus.clone()))).await.unwrap();
    let client = DeskClient::new(&bus);
    (bus, client)
}

#[tokio::test]
async fn calls_have_a_span_on_each_side() {
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(listener.clone()));
    let (bus, client) = desk().await;
    client.clone().layer(log).check("SN-1").await.unwrap();
    client.check("").await.unwrap_err();
    client.break_down().await.unwrap_err();
    bus.shutdown().await;
    assert_eq!(listener.tree(), include_str!("spans/calls.txt"));
}

#[tokio::test]
async fn events_have_a_span_for_their_publisher_and_for_each_attempt() {
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(listener.clone()));
    let (bus, _) = desk().await;
    let (sender, mut attempts) = mpsc::unbounded_channel();
    let handle = move |_: Sold, ctx: Context| {
        let sender = sender.clone();
        async move {
            tracing::info!(target: "app", "handling");
            let _ = sender.send(());
            if ctx.attempt() == 1 { Err("the till is locked") } else { Ok(()) }
        }
    };
    bus.subscribe("till", handle).await.unwrap();
    bus.publish(Sold { serial: "SN-1".to_owned() }).await.unwrap();
    for _ in 0..2 {
        attempts.recv().await.unwrap();
    }
    bus.shutdown().await;
    assert_eq!(listener.tree(), include_str!("spans/events.txt"));
}
