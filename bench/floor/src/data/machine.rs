//! The machine and the software of a run.

use std::fs;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The machine and the software of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    system: String,
    rust: String,
    broker: String,
    libraries: String,
    commit: String,
}

impl Machine {
    /// Inspects the machine. What it cannot find out stays empty, since no measurement depends on it.
    pub(crate) fn inspect() -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores,
            memory: memory(),
            system: output("uname", &["-sr"]),
            rust: output("rustc", &["--version"]),
            broker: broker(),
            libraries: libraries(),
            commit: commit(),
        })
    }

    /// Renders the machine as a table.
    pub(crate) fn table(&self, rounds: String) -> String {
        let rows = [
            ("processor", format!("{}, {} cores for the broker and all processes", self.processor, self.cores)),
            ("memory", self.memory.clone()),
            ("system", self.system.clone()),
            ("broker", self.broker.clone()),
            ("compiler", self.rust.clone()),
            ("libraries", self.libraries.clone()),
            ("commit", self.commit.clone()),
            ("rounds", rounds),
        ];
        let mut text = "| | |\n|---|---|\n".to_owned();
        for (name, value) in rows {
            text.push_str(&format!("| {name} | {value} |\n"));
        }
        text
    }
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches([':', ' ', '\t']).trim().to_owned()
}

fn memory() -> String {
    let kib: u64 = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    format!("{} GiB", kib >> 20)
}

/// Returns the commit that was built. Changes to the pages that a run writes do not count.
fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let changed = output(
        "git",
        &[
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--",
            ":/",
            ":(top,exclude)docs",
            ":(top,exclude)bench/NOTES.md",
        ],
    );
    if changed.is_empty() { commit } else { format!("{commit}-dirty") }
}

fn output(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => String::new(),
    }
}

/// Asks the broker of `scripts/with-rabbitmq` for its version.
fn broker() -> String {
    let Ok(rabbitmqctl) = std::env::var("LIGHTBUS_TEST_RABBITMQCTL") else { return "RabbitMQ".to_owned() };
    let version = output(&rabbitmqctl, &["--silent", "version"]);
    let erlang = output(&rabbitmqctl, &["--silent", "eval", "erlang:system_info(otp_release)."]);
    format!("RabbitMQ {version} on Erlang {}, one node with default settings", erlang.trim_matches('"'))
}

fn libraries() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version = |name: &str| {
        let at = lock.find(&format!("name = \"{name}\"\nversion = \""))?;
        lock[at..].split('"').nth(3).map(|version| format!("{name} {version}"))
    };
    let found: Vec<String> = ["lapin", "tokio", "rmp-serde"].into_iter().filter_map(version).collect();
    found.join(", ")
}
