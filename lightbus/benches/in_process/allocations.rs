//! How often it allocates without a broker. To count takes time, so that the times are those of `times`.
//!
//!     cargo bench -p lightbus --bench allocations

#![allow(missing_docs, reason = "the macros of divan write items without")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod work;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
