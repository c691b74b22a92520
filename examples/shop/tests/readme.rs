//! README.md shows the code of this package, and that code does what README.md says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use lightbus_test_support::broker;

/// An application in a process of its own, which ends with the test.
struct Application {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Application {
    fn start(program: &str, namespace: &str) -> Self {
        let mut process = Command::new(program)
            .env("LIGHTBUS_URL", broker::url().as_str())
            .env("LIGHTBUS_NAMESPACE", namespace)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn next_line(&mut self) -> String {
        self.lines.next().expect("it says no more").unwrap()
    }

    /// Tells it to stop, as Ctrl-C or the system would.
    fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn two_processes_call_each_other() {
    let namespace = broker::fresh_namespace();
    let mut warranty = Application::start(env!("CARGO_BIN_EXE_warranty"), &namespace);
    assert_eq!(warranty.next_line(), "warranty is ready; press Ctrl-C to stop it");

    let mut support = Application::start(env!("CARGO_BIN_EXE_support"), &namespace);
    let mut lines: Vec<String> = (0..5).map(|_| support.next_line()).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "answer: covered until 2027-05-01",
            "error:  no product has the serial number XY-1",
            "event:  SN-0042 was checked, covered: true",
            "event:  XY-1 was checked, covered: false",
            "support is listening; press Ctrl-C to stop it",
        ]
    );
    support.stop();
    warranty.stop();
}

#[test]
fn readme_shows_this_code() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(package.join("../../README.md")).unwrap();
    for file in ["src/lib.rs", "src/bin/warranty.rs", "src/bin/support.rs"] {
        let code = std::fs::read_to_string(package.join(file)).unwrap();
        let shown = format!("`{file}`:\n\n```rust\n{code}```\n");
        assert!(readme.contains(&shown), "README.md does not show {file} as it is. It has to contain:\n{shown}");
    }
}
