//! Reports a runtime that was blocked.
//!
//! A handler that blocks its thread also stops the tasks of the bus on it. The broker closes a connection that is silent for
//! too long, and the log would then only tell of the lost connection.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::duration::shown;

/// How often the runtime has to show that it runs tasks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How much later than that it may be.
const TOLERANCE: Duration = Duration::from_secs(4);

/// Warns each time the runtime has run no tasks for some seconds.
pub(crate) async fn report_stalls() {
    loop {
        let checked = Instant::now();
        sleep(CHECK_INTERVAL).await;
        let passed = checked.elapsed();
        if passed > CHECK_INTERVAL + TOLERANCE {
            tracing::warn!(
                "the tokio runtime was blocked for {}, so this process answered neither the broker nor its callers. Likely a \
                 handler blocks its thread: run blocking code with tokio::task::spawn_blocking",
                shown(passed)
            );
        }
    }
}
