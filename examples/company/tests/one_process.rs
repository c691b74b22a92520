//! The four applications in one process, on the embedded bus.

use std::process::{Command, Output};

use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn company(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_company"));
    // Whatever the environment says of a broker, these need none.
    command.env_remove("LIGHTBUS_URL").env_remove("LIGHTBUS_TEST_URL").args(arguments);
    Ok(command.output()?)
}

#[test]
fn every_message_arrives() -> Result {
    let output = company(&["--pace", "0s", "--json"])?;
    let (story, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(output.status.success(), "{}: {errors}", output.status);

    let mut summaries = Vec::new();
    for line in story.lines().filter(|line| line.starts_with('{')) {
        summaries.push(serde_json::from_str::<Value>(line)?);
    }
    // The numbers of the data files. Which of two cases gets the last part depends on the order of events; how many get
    // one does not.
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

#[test]
fn the_story_ends_with_balanced_books() -> Result {
    let output = company(&["--pace", "0s"])?;
    let story = String::from_utf8(output.stdout)?;
    assert!(output.status.success());
    let books: Vec<&str> = story.lines().filter(|line| line.starts_with("books ")).collect();
    assert_eq!(books.len(), 6, "{story}");
    assert!(books.iter().all(|line| line.ends_with(": balanced")), "{books:?}");
    assert!(story.is_ascii());
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
