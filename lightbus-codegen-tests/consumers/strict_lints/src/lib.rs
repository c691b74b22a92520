//! As strict a crate as there is: nothing that the macro generates may trip a lint.

#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]
#![deny(future_incompatible, keyword_idents, let_underscore, nonstandard_style, rust_2018_idioms, unused)]
#![deny(
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    missing_debug_implementations,
    non_ascii_idents,
    redundant_imports,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    variant_size_differences
)]
#![deny(clippy::all, clippy::nursery, clippy::pedantic)]
#![deny(
    clippy::clone_on_ref_ptr,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::str_to_string,
    clippy::unwrap_used
)]

use std::error::Error;
use std::fmt::{self, Write as _};

use lightbus::{Bus, Context};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its number.
    pub number: u32,
}

/// Why a part cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StockError {
    /// There is none.
    SoldOut,
}

impl fmt::Display for StockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sold out")
    }
}

impl Error for StockError {}

/// Parts in stock.
#[lightbus::api(name = "consumers.strict_lints")]
pub trait Stock: fmt::Debug {
    /// Finds a part.
    ///
    /// # Errors
    ///
    /// When it is sold out.
    async fn find(&self, name: &str, sizes: &[u64], like: &Part) -> Result<Part, StockError>;

    /// Takes parts out.
    #[rpc(timeout = "250ms", idempotent)]
    async fn take(&self, part: Part, #[serde(default)] count: Option<u32>) -> Vec<Part>;

    // Nothing documents these on purpose.
    async fn touch(&self, #[context] ctx: &Context) {
        drop(ctx.clone());
    }

    #[event]
    #[derive(PartialEq, Eq)]
    fn taken(part: Part, #[serde(default)] count: u32);

    #[event]
    fn counted();
}

/// Seen by nobody else, and not used to the full.
#[lightbus::api(name = "consumers.strict_lints.inner")]
trait Inner {
    async fn one(&self) -> u8;

    async fn two(&self, text: String) -> u8;

    #[event]
    fn never(text: String);
}

/// Seen within the crate.
#[lightbus::api(name = "consumers.strict_lints.crate_wide")]
pub(crate) trait CrateWide {
    async fn one(&self) -> u8;

    #[event]
    fn crate_wide_never(text: String);
}

/// Of no use any more.
#[deprecated = "ask `Stock`"]
#[lightbus::api(name = "consumers.strict_lints.old")]
pub trait Old {
    /// As before.
    async fn one(&self) -> u8;

    /// As before.
    #[event]
    fn old_happened(text: String);
}

/// An API of which parts are of no use any more.
#[lightbus::api(name = "consumers.strict_lints.ageing")]
pub trait Ageing {
    /// As before.
    #[deprecated]
    async fn one(&self, text: &str) -> u8;

    /// As before.
    #[event]
    #[deprecated = "nobody cares"]
    fn aged(text: String, #[deprecated] number: u8);
}

#[derive(Debug)]
struct Shelf;

impl Stock for Shelf {
    async fn find(&self, name: &str, sizes: &[u64], like: &Part) -> Result<Part, StockError> {
        if name.is_empty() || sizes.is_empty() { Err(StockError::SoldOut) } else { Ok(like.clone()) }
    }

    async fn take(&self, part: Part, count: Option<u32>) -> Vec<Part> {
        vec![part; usize::try_from(count.unwrap_or(1)).unwrap_or_default()]
    }
}

impl Inner for Shelf {
    async fn one(&self) -> u8 {
        1
    }

    async fn two(&self, text: String) -> u8 {
        drop(text);
        2
    }
}

impl CrateWide for Shelf {
    async fn one(&self) -> u8 {
        1
    }
}

#[lightbus::subscriber]
impl Shelf {
    /// Counts what was taken.
    #[on(name = "count", retries = "1s 1m", concurrency = 2, timeout = "5s", dedupe = 10)]
    async fn count_taken(&self, taken: Taken, #[context] ctx: &Context) -> Result<(), fmt::Error> {
        let Taken { part, count } = taken;
        write!(String::new(), "{}: {count}, at attempt {}", part.number, ctx.attempt())
    }

    #[on]
    async fn end(&self, _: Counted) {}
}

/// Also subscribes elsewhere.
#[derive(Debug)]
pub struct Counter;

#[lightbus::subscriber(pub, type = Counting)]
impl Counter {
    #[on(name = "count-again")]
    async fn count(&self, _: Counted) {}
}

/// Serves the APIs on this bus and calls one of them.
///
/// # Errors
///
/// When anything does not work.
pub async fn check(bus: &Bus) -> Result<(), Box<dyn Error + Send + Sync>> {
    bus.serve(StockServer::new(Shelf)).await?;
    bus.serve(InnerServer::new(Shelf)).await?;
    bus.serve(CrateWideServer::new(Shelf)).await?;
    bus.subscribe_all(ShelfSubscriber::new(Shelf)).await?;
    bus.subscribe_all(Counting::new(Counter)).await?;
    let stock = StockClient::new(bus);
    let part = Part { number: 7 };
    let found = stock.find("filter", &[1], &part).await?;
    let taken = stock.take(found, Some(2)).await?;
    stock.touch().await?;
    bus.publish(Taken { part: part.clone(), count: 2 }).await?;
    bus.publish(Counted {}).await?;
    if taken == [part.clone(), part] { Ok(()) } else { Err("not what was asked for".into()) }
}
