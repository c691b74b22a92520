//! The resources that this process has used so far, as Linux reports them.

use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The resources that a process has used so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Memory that is resident now.
    pub(crate) resident_kib: u64,
    /// The most that was ever resident.
    pub(crate) peak_kib: u64,
    /// Time on the processor, all threads together.
    pub(crate) cpu_ns: u64,
}

pub(crate) fn usage() -> Result<Usage> {
    let status = fs::read_to_string("/proc/self/status")
        .context("cannot read /proc/self/status. The benchmark measures memory and processor time on Linux only")?;
    Ok(Usage { resident_kib: kib(&status, "VmRSS:"), peak_kib: kib(&status, "VmHWM:"), cpu_ns: cpu_ns()? })
}

fn kib(status: &str, field: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(field));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn cpu_ns() -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        // A thread may end meanwhile.
        let times = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        sum += times.split_whitespace().next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_memory_and_time() {
        let usage = usage().unwrap();
        assert!(usage.resident_kib > 100 && usage.peak_kib >= usage.resident_kib && usage.cpu_ns > 0, "{usage:?}");
    }
}
