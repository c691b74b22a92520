//! Counts the allocations of bodies, calls and events without a broker. Counting takes time, so `times` measures the times.
//!
//!     cargo bench -p lightbus-bench-in-process --bench allocations

#![allow(missing_docs, reason = "divan generates items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod work;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
