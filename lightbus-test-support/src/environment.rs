//! The environment variables that `scripts/test` and `scripts/test-cluster` set for the tests.

/// Returns a variable of the scripts. The test fails if it is missing.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. Run the tests with ./scripts/test, which starts a broker and sets up Python, or those of \
             clusters with ./scripts/test-cluster"
        )
    })
}

/// Whether `scripts/test --soak` runs the tests for minutes instead of seconds.
pub fn is_soak() -> bool {
    std::env::var_os("LIGHTBUS_TEST_SOAK").is_some()
}

/// Returns how many rounds a test runs: `quick`, or more of them in a soak.
pub fn rounds(quick: u32) -> u32 {
    if is_soak() { quick * 5 } else { quick }
}
