//! Tells cargo of the conditions of the tests: `failing` is set by `tests/rustc_errors.rs`, `absent` by nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(absent)");
    println!("cargo::rustc-check-cfg=cfg(any_failing)");
    println!("cargo::rustc-check-cfg=cfg(failing, values(any()))");
}
