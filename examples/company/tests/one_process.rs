//! The four applications in one process, on a bus in memory.

use std::process::{Command, Output};

use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn company(arguments: &[&str]) -> Result<Output> {
    Ok(command(arguments).output()?)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_company"));
    // These tests need no broker, whatever the environment names.
    command.env_remove("LIGHTBUS_URL").env_remove("LIGHTBUS_TEST_URL").args(arguments);
    command
}

#[test]
fn every_message_arrives() -> Result {
    let output = company(&["--pace", "0s", "--json", "--verbose"])?;
    let (story, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(output.status.success(), "{}: {errors}", output.status);

    let mut summaries = Vec::new();
    for line in story.lines().filter(|line| line.starts_with('{')) {
        summaries.push(serde_json::from_str::<Value>(line)?);
    }
    // The numbers of the data files. Which of two cases gets the last part depends on the order of events, but the number of
    // cases with a part does not.
    assert_eq!(
        summaries,
        [
            json!({"sales": {"sold": 300, "closed": true}}),
            json!({"spare-parts": {
                "lookups": 60, "reservations": 48, "refusals": 7, "repeats": 0, "low_announced": 11,
            }}),
            json!({"support": {
                "reports": 60, "cases": 60, "covered": 25, "billed": 23, "no_part": 9, "unknown_products": 3,
                "covers_heard": 300, "low_heard": 11, "repeats": 0,
            }}),
            json!({"warranty": {"covers_started": 300, "repeats": 0, "checks": 60}}),
        ]
    );
    assert_eq!(story.lines().filter(|line| line.starts_with("sales        sold ")).count(), 300);
    assert_eq!(story.lines().filter(|line| line.starts_with("warranty     covers ")).count(), 300);
    Ok(())
}

/// Without `--verbose`.
fn in_brief(environment: &[(&str, &str)]) -> Result<String> {
    let mut command = command(&["--pace", "0s"]);
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").envs(environment.iter().copied());
    let output = command.output()?;
    assert!(output.status.success());
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_story_has_at_most_a_hundred_lines_and_ends_with_balanced_books() -> Result {
    let story = in_brief(&[])?;
    let lines: Vec<&str> = story.lines().collect();
    assert!(lines.len() <= 100, "{} lines:\n{story}", lines.len());
    let books = lines.iter().rev().take_while(|line| line.starts_with("books ")).collect::<Vec<_>>();
    assert_eq!(books.len(), 6, "{story}");
    assert!(books.iter().all(|line| line.ends_with(": balanced")), "{books:?}");
    Ok(())
}

#[test]
fn a_few_cases_of_each_outcome_are_told_in_full() -> Result {
    let story = in_brief(&[])?;
    for outcome in ["repaired free of charge", "paid by the customer", "without a part", "about an unknown product"] {
        let told = story.lines().filter(|line| line.starts_with("case C-") && line.ends_with(outcome)).count();
        assert_eq!(told, 2, "{outcome}:\n{story}");
    }
    let (_, told) = story.split_once("repaired free of charge\n").ok_or("no such case")?;
    let steps: Vec<&str> = told.lines().take_while(|line| line.starts_with("    ")).collect();
    let tellers: Vec<&str> = steps.iter().filter_map(|step| step.split_whitespace().next()).collect();
    assert_eq!(tellers, ["sales", "warranty", "spare-parts", "support"], "{steps:?}");
    Ok(())
}

#[test]
fn colours_are_for_terminals_that_want_them() -> Result {
    // The output of the tests is a pipe.
    assert!(in_brief(&[])?.is_ascii());
    let is_coloured = |story: String| story.contains("\x1b[");
    assert!(!is_coloured(in_brief(&[])?));
    assert!(is_coloured(in_brief(&[("CLICOLOR_FORCE", "1")])?));
    assert!(!is_coloured(in_brief(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")])?));
    Ok(())
}

#[test]
fn an_unknown_option_is_answered_with_the_known_ones() -> Result {
    let output = company(&["--verbos"])?;
    let errors = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2));
    for text in ["'--verbos'", "'--verbose'", "The options are --app, --pace, --data, --verbose, --json"] {
        assert!(errors.contains(text), "{text}: {errors}");
    }
    Ok(())
}

#[test]
fn an_unknown_application_is_refused_with_the_names_of_the_four() -> Result {
    let output = company(&["--app", "purchasing"])?;
    let errors = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("[possible values: sales, spare-parts, support, warranty]"), "{errors}");
    Ok(())
}

#[test]
fn a_bad_data_file_is_refused_with_its_name_and_line() -> Result {
    let directory = std::env::temp_dir().join(format!("company-data-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let sale = "SN-0001,Crema S,1171,2023-06-01";
    std::fs::write(directory.join("sales.csv"), format!("serial,model,customer,date\n{sale}\n{sale}\n"))?;
    let output = company(&["--data", &directory.to_string_lossy()])?;
    std::fs::remove_dir_all(&directory)?;
    let errors = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("sales.csv line 3: SN-0001 is sold on an earlier line already"), "{errors}");
    Ok(())
}
