//! The support application: opens cases by calling warranty and spare parts, and subscribes to their events.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use company_apis::sales::{SalesClient, SalesError, ShopClosed};
use company_apis::spare_parts::{SparePartsClient, StockLow};
use company_apis::support::{Case, Outcome, Report, Support, SupportError, SupportServer};
use company_apis::warranty::{CoverStarted, WarrantyClient, WarrantyError};
use lightbus::prelude::*;
use tokio::sync::OnceCell;

use crate::data::{DataError, Directory};
use crate::patience::Patience;
use crate::story::Story;
use crate::summary::{Application, Summary, SupportSummary};
use crate::sync::lock;

const NAME: &str = "support";

struct Desk {
    sales: SalesClient,
    spare_parts: SparePartsClient,
    warranty: WarrantyClient,
    patience: Patience,
    story: Story,
    /// The reports in the file. A customer calls once the machine is covered.
    reports: Vec<Report>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By number.
    cases: HashMap<String, Arc<OpenCase>>,
    /// The machines whose cover has started.
    covered: HashSet<String>,
    /// How many machines were sold, once the shop has closed.
    sold: Option<u64>,
    /// The parts that run low.
    low: HashSet<String>,
    repeats: u64,
}

struct OpenCase {
    report: Report,
    /// The case is decided once. Opening it again meanwhile waits for the same decision.
    case: OnceCell<Case>,
}

/// Starts the application in this process.
pub(crate) async fn start(bus: &Bus, data: &Directory, story: Story) -> Result<Arc<dyn Application>, crate::Error> {
    let desk = Arc::new(Desk {
        sales: SalesClient::new(bus),
        spare_parts: SparePartsClient::new(bus),
        warranty: WarrantyClient::new(bus),
        patience: Patience::new(NAME, story.clone()),
        story,
        reports: read(data)?,
        state: Mutex::default(),
    });
    bus.subscribe_all(DeskSubscriber::from_arc(Arc::clone(&desk))).await?;
    bus.serve(SupportServer::from_arc(Arc::clone(&desk))).await?;
    desk.story.tell(NAME, "serves company.support");
    Ok(desk)
}

fn read(data: &Directory) -> Result<Vec<Report>, DataError> {
    data.read("cases.csv", |report: &Report, before| {
        check_number(&report.number).map_err(|error| error.to_string())?;
        if before.iter().any(|other| other.number == report.number) {
            return Err(format!("{} is on an earlier line already", report.number));
        }
        Ok(())
    })
}

fn check_number(number: &str) -> Result<(), SupportError> {
    let digits = number.strip_prefix("C-").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(SupportError::InvalidNumber { number: number.to_owned() })
}

#[lightbus::subscriber]
impl Desk {
    #[on]
    async fn open_cases(&self, CoverStarted { serial, .. }: CoverStarted) -> Result<(), HandlerError> {
        if !lock(&self.state).covered.insert(serial.clone()) {
            lock(&self.state).repeats += 1;
        }
        for report in self.reports.iter().filter(|report| report.serial == serial) {
            self.open(report).await?;
        }
        self.open_the_rest().await
    }

    #[on]
    async fn close_the_day(&self, ShopClosed { sold }: ShopClosed) -> Result<(), HandlerError> {
        lock(&self.state).sold = Some(sold);
        self.open_the_rest().await
    }

    #[on]
    async fn warn_customers(&self, StockLow { part, left }: StockLow) {
        if lock(&self.state).low.insert(part.clone()) {
            let line = format!("warns customers that {part} may take a while, {left} left");
            self.story.step(NAME, &part, "warnings of customers", line);
        } else {
            lock(&self.state).repeats += 1;
        }
    }

    /// Opens the remaining cases once every machine that was sold is covered: they are about machines that never were.
    async fn open_the_rest(&self) -> Result<(), HandlerError> {
        let rest: Vec<&Report> = {
            let state = lock(&self.state);
            if state.sold.is_none_or(|sold| (state.covered.len() as u64) < sold) {
                return Ok(());
            }
            self.reports.iter().filter(|report| !state.covered.contains(&report.serial)).collect()
        };
        for report in rest {
            self.open(report).await?;
        }
        Ok(())
    }

    async fn open(&self, report: &Report) -> Result<Case, SupportError> {
        check_number(&report.number)?;
        let open = {
            let mut state = lock(&self.state);
            let new = || Arc::new(OpenCase { report: report.clone(), case: OnceCell::new() });
            Arc::clone(state.cases.entry(report.number.clone()).or_insert_with(new))
        };
        if open.report != *report {
            let (number, serial) = (report.number.clone(), open.report.serial.clone());
            return Err(SupportError::NumberTaken { number, serial });
        }
        open.case.get_or_try_init(|| self.decide(report)).await.cloned()
    }

    async fn decide(&self, report: &Report) -> Result<Case, SupportError> {
        let outcome = self.outcome(report).await?;
        let case = Case { report: report.clone(), outcome };
        self.story.decided(NAME, &case);
        Ok(case)
    }

    async fn outcome(&self, Report { number, serial, part, reported }: &Report) -> Result<Outcome, SupportError> {
        // Neither call depends on the other, so both run at the same time.
        let (cover, found) = tokio::join!(
            self.patience.call(|| self.warranty.check(serial, *reported)),
            self.patience.call(|| self.spare_parts.find(part)),
        );
        let cover = match answer(cover)? {
            Ok(cover) => Some(cover),
            Err(WarrantyError::Expired { .. }) => None,
            Err(WarrantyError::UnknownProduct { .. }) => return Ok(Outcome::UnknownProduct),
        };
        let price_cents = match answer(found)? {
            Ok(part) => part.price_cents,
            Err(refusal) => return Ok(Outcome::NoPart { refusal }),
        };
        let reserved = self.patience.call(|| self.spare_parts.reserve(number, part)).await;
        if let Err(refusal) = answer(reserved)? {
            return Ok(Outcome::NoPart { refusal });
        }
        if let Some(cover) = cover {
            return Ok(Outcome::Covered { until: cover.until });
        }
        // The cover has ended, so the customer pays. Sales knows the customer.
        match answer(self.patience.call(|| self.sales.sale(serial)).await)? {
            Ok(sale) => Ok(Outcome::Billed { customer: sale.customer, price_cents }),
            Err(SalesError::NeverSold { .. }) => Ok(Outcome::UnknownProduct),
        }
    }
}

/// Separates the errors of the method, which are answers, from the failures of the call.
fn answer<T, E: std::error::Error>(ended: Result<T, CallError<E>>) -> Result<Result<T, E>, SupportError> {
    match ended {
        Ok(value) => Ok(Ok(value)),
        Err(error) => match error.into_method_error() {
            Ok(refusal) => Ok(Err(refusal)),
            Err(failure) => Err(SupportError::Unavailable { reason: failure.to_string() }),
        },
    }
}

impl Support for Desk {
    async fn open_case(&self, report: Report) -> Result<Case, SupportError> {
        self.open(&report).await
    }

    async fn decided(&self) -> u64 {
        lock(&self.state).cases.values().filter(|open| open.case.initialized()).count() as u64
    }
}

impl Application for Desk {
    fn summary(&self) -> Summary {
        let state = lock(&self.state);
        let mut summary = SupportSummary {
            reports: self.reports.len() as u64,
            covers_heard: state.covered.len() as u64,
            low_heard: state.low.len() as u64,
            repeats: state.repeats,
            ..SupportSummary::default()
        };
        for case in state.cases.values().filter_map(|open| open.case.get()) {
            summary.count(&case.outcome);
        }
        Summary::Support(summary)
    }
}
