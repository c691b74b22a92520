//! What the peers in Rust share; the same as `../shared/measure.py`.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, SystemTimeError, UNIX_EPOCH};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

const WARM_UP: Duration = Duration::from_secs(1);
/// The most events whose confirmation is still to come.
const PUBLISH_WINDOW: usize = 256;

pub(crate) const CUSTOMER: u64 = 42;
pub(crate) const UNTIL: &str = "2027-01-01";

pub(crate) fn serial(number: usize) -> String {
    format!("SN-{number:07}")
}

pub(crate) fn note() -> String {
    "x".repeat(100)
}

pub(crate) fn ready() {
    println!("ready");
}

/// Lets so many tasks call one after the other, first to warm up, and reports what the calls took.
pub(crate) async fn calls<C, F, E>(call: C, in_flight: usize, seconds: u64) -> Result<(), Box<dyn Error>>
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Result<bool, E>> + Send,
    E: Error + Send + 'static,
{
    timed(&call, in_flight, WARM_UP).await?;
    let started = Instant::now();
    let mut micros = timed(&call, in_flight, Duration::from_secs(seconds)).await?;
    let elapsed = started.elapsed().as_secs_f64();
    micros.sort_by(f64::total_cmp);
    println!(
        "{}",
        serde_json::json!({
            "calls": micros.len(),
            "calls_per_second": micros.len() as f64 / elapsed,
            "p50_us": quantile(&micros, 50),
            "p99_us": quantile(&micros, 99),
        })
    );
    Ok(())
}

fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = sorted.len() * percent / 100;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The microseconds of each call.
async fn timed<C, F, E>(call: &C, in_flight: usize, duration: Duration) -> Result<Vec<f64>, Box<dyn Error>>
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Result<bool, E>> + Send,
    E: Error + Send + 'static,
{
    let end = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    for first in 0..in_flight {
        let call = call.clone();
        tasks.spawn(async move {
            let mut micros = Vec::new();
            let mut number = first;
            loop {
                let begun = Instant::now();
                if begun >= end {
                    return Ok::<_, E>(Some(micros));
                }
                if !call(number).await? {
                    return Ok(None);
                }
                micros.push(begun.elapsed().as_secs_f64() * 1e6);
                number += in_flight;
            }
        });
    }
    let mut all = Vec::new();
    while let Some(task) = tasks.join_next().await {
        all.extend(task??.ok_or("a reply is not what it should be")?);
    }
    Ok(all)
}

/// Publishes many events at a time.
pub(crate) async fn publish<P, F, E>(publish: P, events: usize) -> Result<(), Box<dyn Error>>
where
    P: Fn(usize) -> F,
    F: IntoFuture<Output = Result<(), E>>,
    E: Error + 'static,
{
    let started = unix_seconds()?;
    let published = stream::iter(0..events).map(|number| publish(number).into_future());
    published.buffer_unordered(PUBLISH_WINDOW).try_collect::<()>().await?;
    let ended = unix_seconds()?;
    println!("{}", serde_json::json!({ "published": events, "started": started, "ended": ended }));
    Ok(())
}

/// Counts the events that a subscription handled, and reports when it was the last.
pub(crate) struct Handled {
    expected: usize,
    handled: AtomicUsize,
}

impl Handled {
    pub(crate) fn new(expected: usize) -> Self {
        Self { expected, handled: AtomicUsize::new(0) }
    }

    pub(crate) fn one(&self) -> Result<(), SystemTimeError> {
        if self.handled.fetch_add(1, Ordering::Relaxed) + 1 == self.expected {
            println!("{}", serde_json::json!({ "ended": unix_seconds()? }));
        }
        Ok(())
    }
}

/// A clock that the processes of this machine share.
fn unix_seconds() -> Result<f64, SystemTimeError> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}
