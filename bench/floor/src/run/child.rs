//! The processes of a measurement.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{self, ChildStdout, Command};
use tokio::time::timeout;

use super::work::Tool;
use crate::role::Ready;

/// Far longer than anything here takes, even under valgrind: what has not come by then never will.
const GUARD: Duration = Duration::from_secs(300);

/// One process of a measurement. Dropping it kills it.
pub(super) struct Child {
    name: String,
    process: process::Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts a process in that role, and waits until it is ready.
    pub(super) async fn start(role: &str, arguments: &[String], tool: Option<Tool>) -> Result<Self> {
        let name = format!("{role} {}", arguments.join(" "));
        let mut command = command(tool)?;
        command.args(["role", role]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // Only what valgrind says has to be read.
        if tool.is_some() {
            command.stderr(Stdio::piped());
        }
        let mut process = command.spawn().context("cannot start a process of the measurement")?;
        let stdout = process.stdout.take().context("a process has no output")?;
        let mut child = Self { name, process, lines: BufReader::new(stdout).lines() };
        child.next::<Ready>().await?;
        Ok(child)
    }

    /// Tells the process to go on.
    pub(super) async fn tell(&mut self, what: &str) -> Result<()> {
        let stdin = self.process.stdin.as_mut().context("a process has no input")?;
        stdin.write_all(format!("{what}\n").as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    /// What the process says next.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = timeout(GUARD, self.lines.next_line()).await;
        match line.with_context(|| format!("nothing came from: {}", self.name))?? {
            Some(line) => serde_json::from_str(&line).with_context(|| format!("it makes no sense: {line}")),
            None => bail!("it ended too early (its message is above): {}", self.name),
        }
    }

    /// Waits for the process to end, and returns what valgrind has said of it.
    pub(super) async fn end(mut self) -> Result<String> {
        drop(self.process.stdin.take());
        let mut said = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            timeout(GUARD, stderr.read_to_string(&mut said)).await??;
        }
        let status = timeout(GUARD, self.process.wait()).await??;
        ensure!(status.success(), "it failed ({status}): {}\n{said}", self.name);
        Ok(said)
    }
}

fn command(tool: Option<Tool>) -> Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let options = match tool {
        None => return Ok(Command::new(program)),
        Some(Tool::Instructions) => ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        Some(Tool::Allocations) => ["--tool=dhat", "--dhat-out-file=/dev/null"],
    };
    let mut command = Command::new("valgrind");
    command.args(options).arg(program);
    Ok(command)
}
