//! What each application did, and whether it adds up.

use std::fmt;

use company_apis::support::Outcome;
use serde::Serialize;

/// One of the four, as `main` sees it.
pub(crate) trait Application: Send + Sync {
    /// What it did so far.
    fn summary(&self) -> Summary;
}

/// What one application did.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Summary {
    Sales(SalesSummary),
    SpareParts(SparePartsSummary),
    Support(SupportSummary),
    Warranty(WarrantySummary),
}

/// What sales did.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SalesSummary {
    /// Sales whose event the broker has confirmed.
    pub(crate) sold: u64,
    /// Whether that was the whole file.
    pub(crate) closed: bool,
}

/// What spare parts did.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SparePartsSummary {
    /// Answers to `find`.
    pub(crate) lookups: u64,
    /// Cases that have a part.
    pub(crate) reservations: u64,
    /// Reservations that were refused.
    pub(crate) refusals: u64,
    /// Reservations that were asked for again.
    pub(crate) repeats: u64,
    /// Parts that run low, and of which everybody was told.
    pub(crate) low_announced: u64,
}

/// What support did.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SupportSummary {
    /// Reports in its file.
    pub(crate) reports: u64,
    /// Cases that were decided; the next four say how.
    pub(crate) cases: u64,
    pub(crate) covered: u64,
    pub(crate) billed: u64,
    pub(crate) no_part: u64,
    pub(crate) unknown_products: u64,
    /// Machines whose cover it heard of.
    pub(crate) covers_heard: u64,
    /// Parts that it heard are running low.
    pub(crate) low_heard: u64,
    /// Events that said nothing new.
    pub(crate) repeats: u64,
}

/// What warranty did.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct WarrantySummary {
    /// Machines that are covered.
    pub(crate) covers_started: u64,
    /// Sales that were heard of again.
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
                write!(
                    f,
                    "sales        {sold} sold, {}",
                    if *closed { "the whole file" } else { "not yet the whole file" }
                )
            }
            Self::SpareParts(parts) => write!(
                f,
                "spare-parts  {} lookups, {} reservations, {} refusals, {} repeats, {} parts running low",
                parts.lookups, parts.reservations, parts.refusals, parts.repeats, parts.low_announced
            ),
            Self::Support(support) => write!(
                f,
                "support      {} cases: {} free of charge, {} billed, {} without a part, {} about unknown products; \
                 heard of {} covers and {} parts running low, {} repeats",
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
                "warranty     {} covers started, {} repeats, {} checks answered",
                warranty.covers_started, warranty.repeats, warranty.checks
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

/// Two numbers that are the same when every message has arrived.
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

    /// Whether every file is worked off and every message has arrived.
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
                arrived: ("covers that support heard of", support.covers_heard),
            },
            Balance { sent: ("reports of customers", support.reports), arrived: ("cases decided", support.cases) },
            Balance {
                sent: ("cases decided", support.cases),
                arrived: ("pairs of answers, from warranty and spare parts", warranty.checks.min(spare_parts.lookups)),
            },
            Balance { sent: ("parts reserved", spare_parts.reservations), arrived: ("cases with a part", with_part) },
            Balance {
                sent: ("parts announced as running low", spare_parts.low_announced),
                arrived: ("such announcements that support heard", support.low_heard),
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
        let verdict = if self.holds() { "balanced" } else { "NOT BALANCED" };
        write!(f, "books        {sent} {sent_count}, {arrived} {arrived_count}: {verdict}")
    }
}
