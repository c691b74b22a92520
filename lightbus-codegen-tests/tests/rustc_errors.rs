//! Mistakes that only rustc can find: its errors must be shown where the user made the mistake, in whatever words.

use std::error::Error;
use std::process::Command;

use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// An error with the source text that it is shown at.
#[derive(Debug)]
struct Shown {
    message: String,
    /// All that rustc says, notes and excerpts included.
    rendered: String,
    file: String,
    line: u64,
    text: String,
}

/// Compiles one of the modules in `src/failing`.
fn errors_of(case: &str) -> Result<Vec<Shown>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--package", "lightbus-codegen-tests", "--lib", "--message-format", "json", "--"])
        .args(["--cfg", "any_failing", "--cfg", &format!("failing={case:?}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let mut shown = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let error = &message["message"];
        // The summary at the end has no spans, so it is left out below.
        if error["level"] != "error" {
            continue;
        }
        for span in error["spans"].as_array().into_iter().flatten().filter(|span| span["is_primary"] == true) {
            shown.push(Shown {
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                rendered: error["rendered"].as_str().unwrap_or_default().to_owned(),
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

#[test]
fn serving_an_implementation_names_its_server() -> Outcome {
    let errors = errors_of("unwrapped_server")?;
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((errors[0].message.as_str(), errors[0].text.as_str()), ("`Office` does not serve an API", "Office"));
    assert!(errors[0].rendered.contains("`bus.serve(WarrantyServer::new(desk))`"), "{errors:#?}");
    Ok(())
}

#[test]
fn what_is_wrong_with_a_handler_is_said_once() -> Outcome {
    let errors = errors_of("not_a_handler")?;
    let [wrong_parameter, wrong_result, once] = errors.as_slice() else { panic!("{errors:#?}") };
    assert_eq!(wrong_parameter.message, "`&Opened` is not an event");
    assert!(wrong_parameter.rendered.contains("handlers take it by value"), "{wrong_parameter:#?}");
    assert!(wrong_result.message.ends_with("cannot handle events"), "{wrong_result:#?}");
    assert!(wrong_result.rendered.contains("returns `()` or a `Result<(), E>`"), "{wrong_result:#?}");
    assert!(once.message.contains("`FnOnce`"), "{once:#?}");
    assert!(once.rendered.contains("Arc::clone"), "{once:#?}");
    Ok(())
}

#[test]
fn two_events_of_one_name_in_a_module_are_told_of_another_type() -> Outcome {
    let errors = errors_of("same_event")?;
    assert_eq!(errors[0].text, "closed", "{errors:#?}");
    assert!(errors[0].message.contains("Closed__name_one_by_event_type"), "{errors:#?}");
    Ok(())
}

#[test]
fn a_type_without_a_schema_is_told_of_the_derive() -> Outcome {
    let errors = errors_of("missing_schema")?;
    for name in ["Asked", "Answered", "Failed", "Happened"] {
        let helps = |error: &Shown| error.text == name && error.rendered.contains("add `#[derive(JsonSchema)]`");
        assert!(errors.iter().any(helps), "{name}: {errors:#?}");
    }
    Ok(())
}

#[test]
fn an_alias_of_result_is_refused() -> Outcome {
    let errors = errors_of("alias_of_result")?;
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].rendered.contains("async fn ask(&self) -> Res<u8>;"), "{errors:#?}");
    assert!(errors[0].message.contains("write `Result<T, E>`"), "{errors:#?}");
    Ok(())
}

#[test]
fn a_handler_whose_types_do_not_fit_is_shown_where_they_are() -> Outcome {
    let errors = errors_of("subscriber_types")?;
    let shown: Vec<(&str, &str)> = errors.iter().map(|error| (error.message.as_str(), error.text.as_str())).collect();
    assert_eq!(
        shown,
        [("`String` is not an event", "String"), ("`u32` is not what a handler returns", "u32")],
        "{errors:#?}"
    );
    Ok(())
}

#[test]
fn a_handler_whose_future_is_not_send_is_shown() -> Outcome {
    let errors = errors_of("subscriber_not_send")?;
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].file.ends_with("failing/subscriber_not_send.rs"), "{errors:#?}");
    assert_eq!(errors[0].text, "not_send", "{errors:#?}");
    assert!(errors[0].rendered.contains("counted"), "{errors:#?}");
    Ok(())
}
