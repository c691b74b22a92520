//! Declares the conditions of the tests: `tests/rustc_errors.rs` sets `any_failing` and `failing`, nothing sets `absent`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(absent)");
    println!("cargo::rustc-check-cfg=cfg(any_failing)");
    println!("cargo::rustc-check-cfg=cfg(failing, values(any()))");
}
