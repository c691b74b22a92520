//! Every contestant answers, publishes and handles, so that nothing is compared with what does not work.
//!
//! It needs a broker: run it with `./scripts/test`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const CONTESTANTS: [&str; 5] = ["lightbus", "best", "bare", "naive", "raw"];

/// Measures little, and returns the samples. No value depends on how fast the machine is.
fn measure(works: &[&str]) -> Vec<Value> {
    assert!(std::env::var_os("LIGHTBUS_TEST_URL").is_some(), "there is no broker: run the tests with ./scripts/test");
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(works.join("-"));
    let _ = fs::remove_dir_all(&out);
    let mut run = Command::new(env!("CARGO_BIN_EXE_floor"));
    run.args(["run", "--rounds=1", "--calls=100", "--measure=100"]).arg("--out").arg(&out);
    let run = run.args(works.iter().map(|work| format!("--only={work}"))).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let file = fs::read_dir(&out).unwrap().next().expect("it keeps its data").unwrap().path();
    let data: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    data["samples"].as_array().unwrap().clone()
}

/// What was measured of that, by contestant in their order.
fn values(samples: &[Value], work: &str, metric: &str) -> Vec<f64> {
    CONTESTANTS
        .iter()
        .map(|contestant| {
            let sample = samples.iter().find(|sample| sample["work"] == work && sample["contestant"] == *contestant);
            let sample = sample.unwrap_or_else(|| panic!("{contestant} was not measured at {work}"));
            sample["metrics"][metric].as_f64().unwrap_or_else(|| panic!("{contestant} has no {metric} at {work}"))
        })
        .collect()
}

#[test]
fn everybody_answers_calls() {
    let samples = measure(&["rpc-1", "rpc-64-64k"]);
    for (work, metric) in [("rpc-1", "p50_us"), ("rpc-1", "per_second"), ("rpc-64-64k", "per_second")] {
        let values = values(&samples, work, metric);
        assert!(values.iter().all(|value| *value > 0.0), "{work} {metric}: {values:?}");
    }
}

#[test]
fn everybody_publishes_and_handles_events() {
    let samples = measure(&["events-8-5-subscriptions", "event-delay"]);
    for (work, metric) in [("events-8-5-subscriptions", "per_second"), ("event-delay", "p50_us")] {
        let values = values(&samples, work, metric);
        assert!(values.iter().all(|value| *value > 0.0), "{work} {metric}: {values:?}");
    }
}
