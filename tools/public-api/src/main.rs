//! Prints the public items of a crate, one on each line: `lightbus-public-api target/doc/lightbus.json`
//!
//! `scripts/public-api` runs it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use public_api::{Builder, MINIMUM_NIGHTLY_RUST_VERSION};

fn main() -> ExitCode {
    let Some(json) = std::env::args_os().nth(1) else {
        eprintln!("name the file that rustdoc wrote with --output-format json");
        return ExitCode::FAILURE;
    };
    // What every type has says nothing about this crate.
    let listed = Builder::from_rustdoc_json(&json).omit_blanket_impls(true).omit_auto_trait_impls(true).build();
    match listed {
        Ok(listed) => {
            print!("{listed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "cannot read {}: {error}. The crate `public-api` must know the JSON of this toolchain; its present version \
                 knows that of {MINIMUM_NIGHTLY_RUST_VERSION} and later. Set a version of it that does in \
                 tools/public-api/Cargo.toml",
                json.display()
            );
            ExitCode::FAILURE
        }
    }
}
