//! Programs that the tests run.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long a node may take to start or to be controlled, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(200);

pub async fn patiently<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("a node of the tests does not answer")
}

/// Runs a program, and fails the test when it fails.
pub async fn run(program: &str, arguments: &[&str]) {
    let output = output(program, arguments).await;
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Runs a program that may fail.
pub async fn output(program: &str, arguments: &[&str]) -> Output {
    patiently(Command::new(program).args(arguments).stdin(Stdio::null()).output()).await.unwrap()
}
