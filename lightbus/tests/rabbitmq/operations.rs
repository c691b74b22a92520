//! Commands of `docs/operations.md`, exactly as the page has them.

use std::process::Stdio;

use lightbus_test_support::broker::{fresh_namespace, process};
use lightbus_test_support::environment::variable;
use tokio::process::Command;

/// Returns the first block of shell commands after a heading of the page.
pub fn commands_below(heading: &str) -> &'static str {
    let document = include_str!("../../../docs/operations.md");
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect("the heading is gone");
    let (_, block) = section.split_once("```bash\n").expect("the commands are gone");
    block.split_once("```").expect("the block has no end").0
}

/// Runs commands with the broker's `rabbitmqctl`, and returns what they print. The test fails if they fail.
pub async fn run(commands: &str, environment: &[(&str, &str)]) -> String {
    let script = format!("set -uo pipefail\nrabbitmqctl() {{ \"$LIGHTBUS_TEST_RABBITMQCTL\" \"$@\"; }}\n{commands}");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).stdin(Stdio::null()).envs(environment.iter().copied());
    command.env("LIGHTBUS_TEST_RABBITMQCTL", variable("LIGHTBUS_TEST_RABBITMQCTL"));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_command_lists_who_is_connected() {
    let bus = process("who-is-connected", &fresh_namespace()).connect().await.unwrap();
    let listed = run(commands_below("Who is connected"), &[]).await;
    let named = |line: &&str| line.contains("\twho-is-connected@");
    let line = listed.lines().find(named).unwrap_or_else(|| panic!("{listed}"));
    assert!(line.ends_with(&format!(":{} publish", std::process::id())), "{line}");
    assert!(line.contains("\trunning\t"), "{line}");
    bus.shutdown().await;
}
