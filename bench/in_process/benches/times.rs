//! Measures the time that bodies, calls and events take without a broker.
//!
//!     cargo bench -p lightbus-bench-in-process --bench times
//!
//! `scripts/bench` measures calls and events with a broker.

#![allow(missing_docs, reason = "divan generates items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod work;

fn main() {
    divan::main();
}
