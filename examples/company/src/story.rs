//! Tells what happens, one line at a time.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the applications of a process tell what they do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    lines: Arc<AtomicU64>,
}

impl Story {
    /// Prints one line.
    pub(crate) fn tell(&self, teller: &str, line: impl fmt::Display) {
        print(format_args!("{teller:<12} {line}"));
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    /// How many lines were told so far.
    pub(crate) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }
}

/// Prints to standard output. That nobody reads it any more (`company | head`) is no reason to stop working, so unlike
/// `println!` this does not panic over it.
pub(crate) fn print(line: impl fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
