//! The messages, the work of the applications, and the encoding that all contestants use: MessagePack as Lightbus writes it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// A request or an event. The clients by hand decode it without copying.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Check<'a> {
    pub(crate) serial: &'a str,
    pub(crate) customer: u64,
    pub(crate) note: &'a str,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Cover {
    pub(crate) ok: bool,
    pub(crate) until: String,
}

impl<'a> Check<'a> {
    pub(crate) fn new(note: &'a str) -> Self {
        Self { serial: "SN-0001234", customer: 42, note }
    }
}

/// A note that makes a request of about `size` bytes.
pub(crate) fn note(size: usize) -> String {
    "x".repeat(size)
}

/// The handler of the serving application.
pub(crate) fn check(serial: &str, customer: u64, note: &str) -> Cover {
    Cover { ok: !serial.is_empty() && customer > 0 && !note.is_empty(), until: "2027-01-01".to_owned() }
}

pub(crate) fn encode<T: Serialize>(value: &T, capacity: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(capacity);
    value.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable())?;
    Ok(bytes)
}

pub(crate) fn encode_check(check: &Check<'_>) -> Result<Vec<u8>> {
    encode(check, check.note.len() + 64)
}

pub(crate) fn encode_cover(cover: &Cover) -> Result<Vec<u8>> {
    encode(cover, 64)
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    Ok(T::deserialize(&mut rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable())?)
}

/// Only correct answers count.
pub(crate) fn verify(cover: &Cover) -> Result<()> {
    ensure!(cover.ok && cover.until == "2027-01-01", "the answer is wrong: {cover:?}");
    Ok(())
}

/// Nanoseconds since 1970, which the processes of one machine agree on.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// The handler of the subscribing application. It counts events and records how long each took. Events carry the time at which
/// they were published in `customer`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    handled: AtomicU64,
    last: AtomicU64,
    delays: Option<Mutex<Vec<u64>>>,
    changed: Notify,
}

impl Tally {
    pub(crate) fn new(with_delays: bool) -> Self {
        Self { delays: with_delays.then(Mutex::default), ..Self::default() }
    }

    pub(crate) fn handle(&self, published_at: u64) {
        let now = now();
        if let Some(delays) = &self.delays
            && let Ok(mut delays) = delays.lock()
        {
            delays.push(now.saturating_sub(published_at));
        }
        self.last.store(now, Ordering::Relaxed);
        self.handled.fetch_add(1, Ordering::Release);
        self.changed.notify_one();
    }

    /// Waits until that many were handled, and returns when the last one was.
    pub(crate) async fn reached(&self, count: u64) -> u64 {
        while self.handled.load(Ordering::Acquire) < count {
            self.changed.notified().await;
        }
        self.last.load(Ordering::Relaxed)
    }

    pub(crate) fn take_delays(&self) -> Vec<u64> {
        self.delays
            .as_ref()
            .and_then(|delays| delays.lock().ok().map(|mut delays| std::mem::take(&mut *delays)))
            .unwrap_or_default()
    }
}
