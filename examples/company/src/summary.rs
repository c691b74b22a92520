//! Counts what each application did, and checks that it adds up.

use std::fmt;

use anstyle::AnsiColor;
use company_apis::support::Outcome;
use serde::Serialize;

use crate::story::name;

/// One of the four applications, as `main` sees it.
pub(crate) trait Application: Send + Sync {
    /// Returns what the application did so far.
    fn summary(&self) -> Summary;
}

/// The summary of one application.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Summary {
    Sales(SalesSummary),
    SpareParts(SparePartsSummary),
    Support(SupportSummary),
    Warranty(WarrantySummary),
}

/// The summary of sales.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SalesSummary {
    /// Sales whose event the broker has confirmed.
    pub(crate) sold: u64,
    /// Whether the whole file was sold.
    pub(crate) closed: bool,
}

/// The summary of spare parts.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SparePartsSummary {
    /// Answers to `find`.
    pub(crate) lookups: u64,
    /// Cases that got a part.
    pub(crate) reservations: u64,
    /// Reservations that were refused.
    pub(crate) refusals: u64,
    /// Reservations that were requested again.
    pub(crate) repeats: u64,
    /// Parts that were announced as running low.
    pub(crate) low_announced: u64,
}

/// The summary of support.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SupportSummary {
    /// Reports in its file.
    pub(crate) reports: u64,
    /// Decided cases. The next four fields count the outcomes.
    pub(crate) cases: u64,
    pub(crate) covered: u64,
    pub(crate) billed: u64,
    pub(crate) no_part: u64,
    pub(crate) unknown_products: u64,
    /// Machines whose cover started, by event.
    pub(crate) covers_heard: u64,
    /// Parts that run low, by event.
    pub(crate) low_heard: u64,
    /// Events that arrived again.
    pub(crate) repeats: u64,
}

/// The summary of warranty.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct WarrantySummary {
    /// Machines that are covered.
    pub(crate) covers_started: u64,
    /// Sales that arrived again.
    pub(crate) repeats: u64,
    /// Answers to `check`.
    pub(crate) checks: u64,
}

impl SupportSummary {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        self.cases += 1;
        match outcome {
            Outcome::Covered { .. } => self.covered += 1,
            Outcome::Billed { .. } => self.billed += 1,
            Outcome::NoPart { .. } => self.no_part += 1,
            Outcome::UnknownProduct => self.unknown_products += 1,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sales(SalesSummary { sold, closed }) => {
                let whole = if *closed { "the whole file" } else { "not yet the whole file" };
                write!(f, "{} {sold} sold, {whole}", name("sales"))
            }
            Self::SpareParts(parts) => write!(
                f,
                "{} {} lookups, {} reservations, {} refusals, {} repeats, {} parts running low",
                name("spare-parts"),
                parts.lookups,
                parts.reservations,
                parts.refusals,
                parts.repeats,
                parts.low_announced
            ),
            Self::Support(support) => write!(
                f,
                "{} {} cases: {} free of charge, {} billed, {} without a part, {} about unknown products; \
                 received {} covers and {} parts running low, {} repeats",
                name("support"),
                support.cases,
                support.covered,
                support.billed,
                support.no_part,
                support.unknown_products,
                support.covers_heard,
                support.low_heard,
                support.repeats
            ),
            Self::Warranty(warranty) => write!(
                f,
                "{} {} covers started, {} repeats, {} checks answered",
                name("warranty"),
                warranty.covers_started,
                warranty.repeats,
                warranty.checks
            ),
        }
    }
}

/// The summaries of all four, side by side.
#[derive(Debug, Default)]
pub(crate) struct Books {
    sales: SalesSummary,
    spare_parts: SparePartsSummary,
    support: SupportSummary,
    warranty: WarrantySummary,
}

/// Two numbers that are equal once every message has arrived.
pub(crate) struct Balance {
    sent: (&'static str, u64),
    arrived: (&'static str, u64),
}

impl Books {
    pub(crate) fn new(summaries: impl Iterator<Item = Summary>) -> Self {
        let mut books = Self::default();
        for summary in summaries {
            match summary {
                Summary::Sales(sales) => books.sales = sales,
                Summary::SpareParts(spare_parts) => books.spare_parts = spare_parts,
                Summary::Support(support) => books.support = support,
                Summary::Warranty(warranty) => books.warranty = warranty,
            }
        }
        books
    }

    /// Whether every file is processed and every message has arrived.
    pub(crate) fn are_settled(&self) -> bool {
        self.sales.closed && self.balances().iter().all(Balance::holds)
    }

    pub(crate) fn balances(&self) -> [Balance; 6] {
        let Self { sales, spare_parts, support, warranty } = self;
        let with_part = support.covered + support.billed;
        [
            Balance { sent: ("sales published", sales.sold), arrived: ("covers started", warranty.covers_started) },
            Balance {
                sent: ("covers started", warranty.covers_started),
                arrived: ("covers received by support", support.covers_heard),
            },
            Balance { sent: ("reports of customers", support.reports), arrived: ("cases decided", support.cases) },
            Balance {
                sent: ("cases decided", support.cases),
                arrived: ("pairs of answers, from warranty and spare parts", warranty.checks.min(spare_parts.lookups)),
            },
            Balance { sent: ("parts reserved", spare_parts.reservations), arrived: ("cases with a part", with_part) },
            Balance {
                sent: ("parts announced as running low", spare_parts.low_announced),
                arrived: ("announcements received by support", support.low_heard),
            },
        ]
    }
}

impl Balance {
    fn holds(&self) -> bool {
        self.sent.1 == self.arrived.1
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((sent, sent_count), (arrived, arrived_count)) = (self.sent, self.arrived);
        let (verdict, style) = match self.holds() {
            true => ("balanced", AnsiColor::Green.on_default()),
            false => ("NOT BALANCED", AnsiColor::Red.on_default().bold()),
        };
        write!(f, "{} {sent} {sent_count}, {arrived} {arrived_count}: {style}{verdict}{style:#}", name("books"))
    }
}
