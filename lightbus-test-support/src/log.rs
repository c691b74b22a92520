//! What the bus logs.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing_subscriber::fmt;

use crate::wait::eventually;

/// Everything that this program has logged since [`capture`]. Tests that run at the same time share it, and tell their
/// lines apart by the names in them.
static LOG: Mutex<String> = Mutex::new(String::new());

/// Starts to keep what is logged.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| fmt().with_ansi(false).with_writer(|| Writer).init());
}

/// Waits for a line that contains all of these words.
pub async fn wait_for(words: &[&str]) {
    let logged = || log().lines().any(|line| words.iter().all(|word| line.contains(word)));
    eventually(&format!("the log says {words:?}"), logged).await;
}

/// Returns everything that was logged so far.
pub fn text() -> String {
    log().clone()
}

fn log() -> MutexGuard<'static, String> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        log().push_str(&String::from_utf8_lossy(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
