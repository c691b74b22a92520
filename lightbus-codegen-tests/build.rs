//! Tells cargo of the condition that `tests/rustc_errors.rs` sets.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(failing, values(\"missing_traits\", \"other_context\", \"overlapping\"))");
}
