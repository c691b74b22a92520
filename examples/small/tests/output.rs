//! Runs every example, and compares its output with the one that its documentation shows.

use std::error::Error;
use std::path::Path;
use std::process::Command;

macro_rules! examples {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() -> Result<(), Box<dyn Error>> {
                run(stringify!($name), env!(concat!("CARGO_BIN_EXE_", stringify!($name))))
            }
        )+

        #[test]
        fn every_example_is_run() -> Result<(), Box<dyn Error>> {
            let tested = [$(stringify!($name)),+];
            for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin"))? {
                let path = file?.path();
                let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a file without a name")?;
                assert!(tested.contains(&name), "no test runs {name}");
            }
            Ok(())
        }
    };
}

examples! {
    audit_log_layer
    cache_layer
    call_timeout
    context
    dead_letters
    dedupe
    graceful_shutdown
    parallel_calls
    pattern_subscription
    publish_subscribe
    rate_limit_layer
    retries
    tenant_layer
    two_apis
    typed_errors
}

fn run(name: &str, program: &str) -> Result<(), Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin").join(name).with_extension("rs");
    let source = std::fs::read_to_string(source)?;
    let (_, shown) = source.split_once("//! ```text\n").ok_or("the documentation shows no output")?;
    let shown: Vec<&str> =
        shown.lines().map_while(|line| line.strip_prefix("//! ")).take_while(|line| *line != "```").collect();

    let output = Command::new(program).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(printed.lines().collect::<Vec<_>>(), shown);
    Ok(())
}
