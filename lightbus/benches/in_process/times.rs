//! How long it takes without a broker: bodies, and calls and events over the bus in memory.
//!
//!     cargo bench -p lightbus --bench times
//!
//! What it costs with a broker, and on top of what, `scripts/bench` measures.

#![allow(missing_docs, reason = "the macros of divan write items without")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod work;

fn main() {
    divan::main();
}
