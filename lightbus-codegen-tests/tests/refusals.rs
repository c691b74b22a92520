//! What the macro refuses, and in which words.
//!
//! Every case in `ui` fails on nothing but our own messages, so that a new rustc does not change them. After a change that
//! is meant to alter messages, run this test with `TRYBUILD=overwrite` and read the difference.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
