//! What the bus logs.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::broker::eventually;

/// All that was logged by this binary since somebody began to listen: tests that run at the same time are told apart by
/// the names that they use.
static LOG: Mutex<String> = Mutex::new(String::new());

/// Begins to keep what is logged.
pub fn listen() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Pen).init();
    });
}

/// Waits until a line says all of this.
pub async fn says(words: &[&str]) {
    let said = || log().lines().any(|line| words.iter().all(|word| line.contains(word)));
    eventually(&format!("the log says {words:?}"), said).await;
}

fn log() -> MutexGuard<'static, String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pen;

impl io::Write for Pen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        log().push_str(&String::from_utf8_lossy(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
