//! The four applications as four processes on RabbitMQ, started in the worst order.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use company_apis::sales::{ProductSold, SalesApi};
use company_apis::spare_parts::{PartsError, SparePartsClient};
use company_apis::support::{Outcome, Report, SupportClient, SupportError};
use lightbus::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How long to wait for a line that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The company of one test, on a bus of its own. What it started dies with it.
struct Company {
    url: String,
    namespace: String,
    children: BTreeMap<&'static str, Child>,
    /// What the processes have told so far.
    story: Vec<String>,
    lines: mpsc::UnboundedReceiver<String>,
    teller: mpsc::UnboundedSender<String>,
}

impl Company {
    fn new() -> Result<Self> {
        let url = std::env::var("LIGHTBUS_TEST_URL").map_err(|_| {
            "LIGHTBUS_TEST_URL is not set, and this test needs a RabbitMQ: run ./scripts/test, which starts one. \
             For this test alone: scripts/with-rabbitmq cargo test -p company"
        })?;
        let namespace = format!("company-{:016x}", fastrand::u64(..));
        let (teller, lines) = mpsc::unbounded_channel();
        Ok(Self { url, namespace, children: BTreeMap::new(), story: Vec::new(), lines, teller })
    }

    fn start(&mut self, app: &'static str) -> Result {
        let mut command = Command::new(env!("CARGO_BIN_EXE_company"));
        for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("LIGHTBUS_")) {
            command.env_remove(variable);
        }
        let mut child = command
            .args(["--app", app, "--pace", "5ms", "--json", "--verbose"])
            .env("LIGHTBUS_URL", &self.url)
            .env("LIGHTBUS_NAMESPACE", &self.namespace)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("the process has no standard output")?;
        self.children.insert(app, child);
        let teller = self.teller.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = teller.send(line);
            }
        });
        Ok(())
    }

    /// Connects this test as a process of a service.
    async fn join(&self, service: &str) -> Result<Bus> {
        Ok(Bus::service(service).url(&self.url).namespace(&self.namespace).connect().await?)
    }

    /// How many lines begin like this.
    fn count(&self, beginning: &str) -> usize {
        self.told(beginning).count()
    }

    /// What follows after this beginning, in every line that has it.
    fn told<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        self.story.iter().filter_map(move |line| line.strip_prefix(beginning))
    }

    /// Reads on until so many lines begin like this.
    async fn until(&mut self, count: usize, beginning: &str) -> Result {
        while self.count(beginning) < count {
            let Ok(Some(line)) = timeout(PATIENCE, self.lines.recv()).await else {
                let (told, last) = (self.count(beginning), self.story.len().saturating_sub(20));
                let story = self.story[last..].join("\n");
                return Err(
                    format!("{told} lines, not {count}, begin with {beginning:?}. The last ones:\n{story}").into()
                );
            };
            self.story.push(line);
        }
        Ok(())
    }

    /// Sends SIGTERM to every process, sees that all end well, and returns their summaries.
    async fn stop(mut self) -> Result<Vec<Value>> {
        for child in self.children.values() {
            let id = child.id().ok_or("a process has ended before its time")?;
            let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
            assert!(sent.success(), "kill -TERM {id}: {sent}");
        }
        for (app, mut child) in std::mem::take(&mut self.children) {
            let status =
                timeout(PATIENCE, child.wait()).await.map_err(|_| format!("{app} goes on after SIGTERM"))??;
            assert!(status.success(), "{app} ended with {status}");
        }
        self.until(4, "{").await?;
        let mut summaries: Vec<&String> = self.story.iter().filter(|line| line.starts_with('{')).collect();
        summaries.sort();
        summaries.into_iter().map(|summary| Ok(serde_json::from_str(summary)?)).collect()
    }
}

fn serials<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    lines.filter_map(|line| line.split(' ').next()).collect()
}

#[tokio::test]
async fn four_processes_in_any_order_lose_and_repeat_nothing() -> Result {
    let mut company = Company::new()?;

    // The worst order: each is started when the one before it misses it.
    company.start("sales")?;
    company.until(1, "sales        waits for a server of company.support").await?;
    company.start("support")?;
    company.until(1, "support      serves company.support").await?;
    company.start("warranty")?;
    company.until(1, "support      waits for a server of company.spare_parts").await?;
    company.start("spare-parts")?;

    // The story comes to its end by itself.
    company.until(1, "sales        closed the shop after 300 sales").await?;
    company.until(300, "warranty     covers ").await?;
    company.until(60, "support      C-").await?;
    company.until(11, "support      warns customers that ").await?;

    // Every sale's event has started one cover: none is missing, none came twice.
    let (sold, covered) = (serials(company.told("sales        sold ")), serials(company.told("warranty     covers ")));
    assert_eq!((sold.len(), covered.len()), (300, 300));
    let (sold, covered) = (BTreeSet::from_iter(sold), BTreeSet::from_iter(covered));
    assert_eq!(sold.len(), 300, "a machine was sold twice");
    assert_eq!(sold, covered);

    let customer = company.join("customer").await?;
    a_case_from_end_to_end(&customer).await?;
    refusals_are_typed(&customer).await?;

    // An event that comes again changes nothing.
    let another_shop = company.join("sales").await?;
    another_shop.own_api::<SalesApi>();
    another_shop.publish(first_sale()?).await?;
    company.until(1, "warranty     received the sale of SN-0001 again").await?;

    for (service, subscription) in [
        ("warranty", "start-cover"),
        ("support", "open-cases"),
        ("support", "close-the-day"),
        ("support", "warn-customers"),
    ] {
        let bus = company.join(service).await?;
        assert_eq!(bus.dead_letters(subscription).count().await?, 0, "{service} {subscription}");
        bus.shutdown().await;
    }
    customer.shutdown().await;
    another_shop.shutdown().await;

    let summaries = company.stop().await?;
    // 60 cases of the file and one of the customer above, each with an answer of warranty and one of spare parts; and the
    // customer's own question about a part.
    assert_eq!(summaries[0], json!({"sales": {"sold": 300, "closed": true}}));
    assert_eq!(
        summaries[1],
        json!({"spare-parts": {"lookups": 62, "reservations": 49, "refusals": 8, "repeats": 0, "low_announced": 11}})
    );
    let support = &summaries[2]["support"];
    for (count, expected) in [
        ("cases", 61),
        ("covered", 26),
        ("billed", 23),
        ("no_part", 9),
        ("unknown_products", 3),
        ("covers_heard", 300),
        ("low_heard", 11),
    ] {
        assert_eq!(support[count], expected, "{count}: {support}");
    }
    assert_eq!(summaries[3], json!({"warranty": {"covers_started": 300, "repeats": 1, "checks": 61}}));
    Ok(())
}

/// The first line of sales.csv.
fn first_sale() -> Result<ProductSold> {
    Ok(ProductSold {
        serial: "SN-0001".to_owned(),
        model: "Crema S".to_owned(),
        customer: 1171,
        date: "2023-06-01".parse()?,
    })
}

async fn a_case_from_end_to_end(bus: &Bus) -> Result {
    let support = SupportClient::new(bus);
    let report = Report {
        number: "C-9001".to_owned(),
        serial: "SN-0300".to_owned(),
        part: "P-1002".to_owned(),
        reported: "2026-11-22".parse()?,
    };
    let case = support.open_case(report.clone()).await?;
    assert_eq!(case.outcome, Outcome::Covered { until: "2028-10-25".parse()? });
    assert_eq!(support.open_case(report.clone()).await?, case, "the same report is the same case");

    let other = Report { serial: "SN-0299".to_owned(), ..report };
    let refused = support.open_case(other).await.err().ok_or("two reports have one number")?;
    let taken = SupportError::NumberTaken { number: "C-9001".to_owned(), serial: "SN-0300".to_owned() };
    assert_eq!(refused.into_method_error()?, taken);
    Ok(())
}

async fn refusals_are_typed(bus: &Bus) -> Result {
    let spare_parts = SparePartsClient::new(bus);
    let refused = spare_parts.reserve("C-9002", "P-1201").await.err().ok_or("P-1201 is in stock")?;
    assert_eq!(refused.into_method_error()?, PartsError::OutOfStock { part: "P-1201".to_owned() });
    let refused = spare_parts.find("P-4711").await.err().ok_or("P-4711 was found")?;
    assert_eq!(refused.into_method_error()?, PartsError::UnknownPart { part: "P-4711".to_owned() });
    Ok(())
}
