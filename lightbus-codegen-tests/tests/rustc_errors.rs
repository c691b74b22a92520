//! Mistakes that only rustc can find: its errors must be shown where the user made the mistake, in whatever words.

use std::error::Error;
use std::process::Command;

use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// An error with the source text that it is shown at.
#[derive(Debug)]
struct Shown {
    message: String,
    file: String,
    line: u64,
    text: String,
}

/// Compiles one of the modules in `src/failing`.
fn errors_of(case: &str) -> Result<Vec<Shown>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--package", "lightbus-codegen-tests", "--lib", "--message-format", "json", "--"])
        .args(["--cfg", &format!("failing={case:?}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let mut shown = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let error = &message["message"];
        // The summary at the end has no code.
        if error["level"] != "error" || error["code"].is_null() {
            continue;
        }
        for span in error["spans"].as_array().into_iter().flatten().filter(|span| span["is_primary"] == true) {
            shown.push(Shown {
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                file: span["file_name"].as_str().unwrap_or_default().replace('\\', "/"),
                line: span["line_start"].as_u64().unwrap_or_default(),
                text: highlighted(&span["text"][0]),
            });
        }
    }
    assert!(!shown.is_empty(), "{case} compiles: {}", String::from_utf8_lossy(&output.stderr));
    Ok(shown)
}

fn highlighted(text: &Value) -> String {
    let column = |name: &str| text[name].as_u64().and_then(|column| usize::try_from(column).ok()).unwrap_or(1) - 1;
    let (start, end) = (column("highlight_start"), column("highlight_end"));
    text["text"].as_str().unwrap_or_default().chars().skip(start).take(end - start).collect()
}

#[test]
fn a_type_that_cannot_travel_is_shown_where_it_is_used() -> Outcome {
    let source = include_str!("../src/failing/missing_traits.rs");
    let errors = errors_of("missing_traits")?;
    let uses: Vec<(&str, u64)> =
        source.lines().zip(1..).filter(|(line, _)| line.contains("fn ") && line.contains("Bare")).collect();
    for error in &errors {
        let is_at_use = uses.iter().any(|(_, number)| error.line == *number);
        assert!(is_at_use && error.file.ends_with("failing/missing_traits.rs"), "{error:#?}");
    }
    for (line, number) in uses {
        for missing in ["Serialize", "Deserialize", "JsonSchema"] {
            let is_told = |error: &Shown| error.line == number && error.message.contains(missing);
            assert!(errors.iter().any(is_told), "nothing is said of {missing} at {line:?}: {errors:#?}");
        }
    }
    Ok(())
}

#[test]
fn a_context_of_another_type_is_shown_where_it_is_asked_for() -> Outcome {
    for error in errors_of("other_context")? {
        assert!(error.text.contains("Context"), "{error:#?}");
        assert!(error.file.ends_with("failing/other_context.rs"), "{error:#?}");
    }
    Ok(())
}

#[test]
fn conditions_that_hold_together_do_not_compile() -> Outcome {
    let errors = errors_of("overlapping")?;
    for name in ["\"method_of_one_name\"", "\"event_of_one_name\""] {
        assert!(errors.iter().any(|error| error.text == name), "{name} is not shown: {errors:#?}");
    }
    Ok(())
}
