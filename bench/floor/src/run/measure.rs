//! Measures one contestant in one workload.

use anyhow::{Context, Result};
use lapin::Connection;

use super::child::Child;
use super::work::{Kind, Tool, Work};
use crate::contestant::Contestant;
use crate::data::Metrics;
use crate::message::now;
use crate::place::Place;
use crate::process::Usage;
use crate::role::{CallReport, PublishReport, ServeReport, SubscribeReport};

/// How many calls are counted, and twice as many: the difference is theirs alone.
const COUNTED: u64 = 2000;

/// So that the ticks of idle moments, of which there are many under valgrind, are shared by many calls.
const COUNTED_IN_FLIGHT: usize = 64;

/// The length of the note in the small message.
const SMALL: usize = 100;

/// How long is measured, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) warm_up: u64,
    pub(super) measure: u64,
    /// How many calls are made, if it does not go by the clock.
    pub(super) calls: Option<u64>,
}

/// One contestant at one thing.
pub(super) struct Measurement<'a> {
    pub(super) work: &'a Work,
    pub(super) contestant: Contestant,
    pub(super) place: Place,
    pub(super) times: Times,
    /// To declare and delete with.
    pub(super) broker: &'a Connection,
}

impl Measurement<'_> {
    pub(super) async fn run(&self) -> Result<Metrics> {
        let (work, place) = (self.work, &self.place);
        let measured = async {
            if work.subscriptions() > 0 {
                place.declare_subscriptions(self.broker, work.queue(), work.subscriptions()).await?;
            } else {
                place.declare_rpc_queue(self.broker, work.queue()).await?;
            }
            match work.kind {
                Kind::Calls { size, in_flight, .. } => self.calls(size, in_flight).await,
                Kind::Memory { in_flight } => self.memory(in_flight).await,
                Kind::Events { tasks, .. } => self.events(tasks).await,
                Kind::Backlog => self.backlog().await,
                Kind::Delay { rate } => self.delay(rate).await,
                Kind::Count(tool) => self.count(tool).await,
            }
        };
        let metrics = measured.await.with_context(|| format!("{} failed at {}", self.contestant.name(), work.name));
        place.clear(self.broker, work.subscriptions()).await?;
        metrics
    }

    async fn start(&self, role: &str, more: &[String], tool: Option<Tool>) -> Result<Child> {
        let mut arguments = vec![
            format!("--contestant={}", self.contestant.name()),
            format!("--url={}", self.place.url),
            format!("--namespace={}", self.place.namespace),
            format!("--runtime={}", self.work.flavour.name()),
        ];
        arguments.extend_from_slice(more);
        Child::start(role, &arguments, tool).await
    }

    async fn serve_and_call(&self, amounts: &[String], tools: Tools) -> Result<Called> {
        let serving =
            [format!("--rpc-queue={}", self.work.queue().name()), format!("--idle-apis={}", self.work.idle_apis)];
        let mut server = self.start("serve", &serving, tools.server).await?;
        let mut others = Vec::new();
        for _ in 1..self.work.servers {
            others.push(self.start("serve", &serving, tools.server).await?);
        }
        let mut caller = self.start("call", amounts, tools.caller).await?;
        caller.tell("begin").await?;
        let calls: CallReport = caller.next().await?;
        let caller_says = caller.end().await?;
        server.tell("end").await?;
        let serving: ServeReport = server.next().await?;
        let server_says = server.end().await?;
        for mut other in others {
            other.tell("end").await?;
            let _: ServeReport = other.next().await?;
            other.end().await?;
        }
        Ok(Called { calls, serving, caller_says, server_says })
    }

    fn amounts(&self, size: usize, in_flight: usize) -> Vec<String> {
        let Times { warm_up, measure, calls } = self.times;
        let mut amounts = vec![
            format!("--size={size}"),
            format!("--in-flight={in_flight}"),
            format!("--warm-up={warm_up}"),
            format!("--measure={measure}"),
        ];
        amounts.extend(calls.map(|calls| format!("--calls={calls}")));
        amounts
    }

    async fn calls(&self, size: usize, in_flight: usize) -> Result<Metrics> {
        let Called { calls, serving, .. } =
            self.serve_and_call(&self.amounts(size, in_flight), Tools::default()).await?;
        let mut metrics = vec![
            ("per_second", number(calls.counted) / seconds(calls.elapsed_ns)),
            ("caller_cpu_us", number(calls.after.cpu_ns - calls.before.cpu_ns) / 1e3 / number(calls.made)),
            ("server_cpu_us", number(serving.after.cpu_ns - serving.before.cpu_ns) / 1e3 / number(calls.made)),
            ("server_kib", number(serving.after.peak_kib)),
        ];
        if in_flight == 1 {
            metrics.push(("p50_us", number(calls.p50_ns) / 1e3));
            metrics.push(("p99_us", number(calls.p99_ns) / 1e3));
        }
        Ok(named(metrics))
    }

    async fn memory(&self, in_flight: usize) -> Result<Metrics> {
        let Called { calls, serving, .. } =
            self.serve_and_call(&self.amounts(SMALL, in_flight), Tools::default()).await?;
        let (caller, server) = (number(calls.after.peak_kib), number(serving.after.peak_kib));
        let growth = |before: Usage, after: Usage| number(after.peak_kib.saturating_sub(before.resident_kib));
        Ok(named(vec![
            ("caller_kib", caller),
            ("server_kib", server),
            ("both_kib", caller + server),
            ("caller_growth_kib", growth(calls.before, calls.after)),
            ("server_growth_kib", growth(serving.before, serving.after)),
        ]))
    }

    async fn publish_and_subscribe(
        &self,
        publishing: &[String],
        subscribing: &[String],
    ) -> Result<(PublishReport, SubscribeReport)> {
        let mut subscriber = self.start("subscribe", subscribing, None).await?;
        let mut publisher = self.start("publish", publishing, None).await?;
        publisher.tell("begin").await?;
        let published: PublishReport = publisher.next().await?;
        publisher.end().await?;
        subscriber.tell(&published.published.to_string()).await?;
        let handled: SubscribeReport = subscriber.next().await?;
        subscriber.end().await?;
        Ok((published, handled))
    }

    async fn events(&self, tasks: usize) -> Result<Metrics> {
        let publishing = [format!("--tasks={tasks}"), format!("--measure={}", self.times.measure)];
        let subscribing = [format!("--subscriptions={}", self.work.subscriptions())];
        let (published, handled) = self.publish_and_subscribe(&publishing, &subscribing).await?;
        let PublishReport { counted, begin_ns, end_ns, .. } = published;
        let events = number(published.published);
        let deliveries = events * number(self.work.subscriptions() as u64);
        let cpu = |before: Usage, after: Usage| number(after.cpu_ns - before.cpu_ns) / 1e3;
        Ok(named(vec![
            ("per_second", number(counted) / seconds(handled.last_ns.max(end_ns) - begin_ns)),
            ("confirmed_per_second", number(counted) / seconds(end_ns - begin_ns)),
            ("publisher_cpu_us", cpu(published.before, published.after) / events),
            ("subscriber_cpu_us", cpu(handled.before, handled.after) / deliveries),
        ]))
    }

    async fn backlog(&self) -> Result<Metrics> {
        let mut publisher = self.start("publish", &[format!("--measure={}", self.times.measure)], None).await?;
        publisher.tell("begin").await?;
        let published = publisher.next::<PublishReport>().await?.published;
        publisher.end().await?;
        let begin_ns = now();
        let mut subscriber = self.start("subscribe", &[], None).await?;
        subscriber.tell(&published.to_string()).await?;
        let handled: SubscribeReport = subscriber.next().await?;
        subscriber.end().await?;
        let elapsed = seconds(handled.last_ns - begin_ns);
        Ok(named(vec![("waited", number(published)), ("per_second", number(published) / elapsed)]))
    }

    async fn delay(&self, rate: u32) -> Result<Metrics> {
        let publishing = [format!("--rate={rate}"), format!("--measure={}", self.times.measure)];
        let (_, handled) = self.publish_and_subscribe(&publishing, &["--with-delays".to_owned()]).await?;
        Ok(named(vec![("p50_us", number(handled.p50_ns) / 1e3), ("p99_us", number(handled.p99_ns) / 1e3)]))
    }

    async fn count(&self, tool: Tool) -> Result<Metrics> {
        let mut metrics = Vec::new();
        for (name, tools) in [
            ("caller", Tools { caller: Some(tool), server: None }),
            ("server", Tools { caller: None, server: Some(tool) }),
        ] {
            let once = self.count_calls(COUNTED, tools).await?;
            let twice = self.count_calls(2 * COUNTED, tools).await?;
            metrics.push((name, (twice - once) / number(COUNTED)));
        }
        Ok(named(metrics))
    }

    /// What so many calls cost the side that is counted, with all that comes before and after them.
    async fn count_calls(&self, calls: u64, tools: Tools) -> Result<f64> {
        let amounts = [format!("--calls={calls}"), format!("--in-flight={COUNTED_IN_FLIGHT}")];
        let called = self.serve_and_call(&amounts, tools).await?;
        let said = if tools.caller.is_some() { called.caller_says } else { called.server_says };
        total(&said).with_context(|| format!("valgrind did not say what it has counted:\n{said}"))
    }
}

/// Who runs under which tool.
#[derive(Debug, Clone, Copy, Default)]
struct Tools {
    caller: Option<Tool>,
    server: Option<Tool>,
}

/// What became of a caller and its server.
struct Called {
    calls: CallReport,
    serving: ServeReport,
    caller_says: String,
    server_says: String,
}

/// The instructions in what callgrind says, or the allocations in what DHAT says.
fn total(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected : ").or_else(|| line.split_once(" bytes in ")));
    let (_, rest) = line?;
    rest.trim_end_matches(" blocks").trim().replace(',', "").parse().ok()
}

fn named(metrics: Vec<(&str, f64)>) -> Metrics {
    metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn seconds(nanoseconds: u64) -> f64 {
    number(nanoseconds.max(1)) / 1e9
}

#[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn totals_are_found_in_what_valgrind_says() {
        assert_eq!(total("==1== Events    : Ir\n==1== Collected : 1234567\n"), Some(1_234_567.0));
        let said = "==1== Total:     9,134 bytes in 1,021 blocks\n==1== At t-gmax: 2 bytes in 3 blocks\n";
        assert_eq!(total(said), Some(1021.0));
        assert_eq!(total("==1== nothing"), None);
    }
}
