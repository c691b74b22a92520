//! Programs that tests run.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long a node may take to start or to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(200);

/// Awaits a node. The test fails if the node takes longer than several minutes.
pub async fn patiently<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("a node of the tests does not answer")
}

/// Runs a program. The test fails if the program fails.
pub async fn run(program: &str, arguments: &[&str]) {
    let output = output(program, arguments).await;
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Runs a program that may fail.
pub async fn output(program: &str, arguments: &[&str]) -> Output {
    patiently(Command::new(program).args(arguments).stdin(Stdio::null()).output()).await.unwrap()
}
