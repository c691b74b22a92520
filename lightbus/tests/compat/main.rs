//! Pairs of an old and a new version that really talk to each other.
//!
//! Each pair encodes values with one version and decodes them with the other, in MessagePack and in JSON, in both
//! directions. What happens is what `lightbus::schema::compare` has to say of the two schemas.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "values of the pairs are known to be well")]
#![allow(clippy::enum_variant_names, reason = "variants of untagged enums are told apart by their prefix")]

mod apis;
mod asserting;
mod containers;
mod enums;
mod fields;
mod harness;
mod hostile;
mod numbers;
mod probed;
mod properties;
mod single;
mod text;

/// What the versions of a pair use.
mod imports {
    pub(crate) use std::collections::{BTreeMap, BTreeSet};
    pub(crate) use std::num::{NonZeroI32, NonZeroU32};

    pub(crate) use schemars::JsonSchema;
    pub(crate) use serde::{Deserialize, Serialize};

    pub(crate) use crate::harness::Version;

    /// The default of a field.
    pub(crate) fn five() -> u32 {
        5
    }
}

use harness::{Happened, Pair};

fn pairs() -> Vec<Pair> {
    [fields::pairs(), numbers::pairs(), text::pairs(), enums::pairs(), containers::pairs(), probed::pairs()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn compare_says_what_happens() {
    let complaints: Vec<String> = pairs().iter().flat_map(Pair::complaints).collect();
    assert!(complaints.is_empty(), "{}\n{} pairs", complaints.join("\n"), pairs().len());
}

#[test]
fn every_version_is_compatible_with_itself() {
    for pair in pairs() {
        for version in [(pair.old)(), (pair.new)()] {
            let comparison = lightbus::schema::compare(&version.schema, &version.schema);
            assert!(comparison.is_empty(), "{}: {comparison}", pair.id);
        }
    }
}

/// The table on the page about changing an API.
fn table() -> String {
    let mut table = "| change | server first | caller first | publisher first | subscriber first |\n".to_owned();
    table.push_str("|---|---|---|---|---|\n");
    for pair in pairs() {
        let row = pair.compared().0;
        let both = |arguments: Happened, answer: Happened| match arguments == answer {
            true => arguments.to_string(),
            false => format!("{arguments} / {answer}"),
        };
        let server = both(row.arguments_server_first, row.answer_server_first);
        let caller = both(row.arguments_caller_first, row.answer_caller_first);
        let (publisher, subscriber) = (row.publisher_first, row.subscriber_first);
        table.push_str(&format!("| {} | {server} | {caller} | {publisher} | {subscriber} |\n", pair.what));
    }
    table
}

#[test]
fn the_page_shows_every_pair() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/changing-an-api.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let (before, rest) = page.split_once("<!-- pairs -->\n").expect("the table begins");
    let (_, after) = rest.split_once("<!-- end of pairs -->").expect("the table ends");
    let made = format!("{before}<!-- pairs -->\n{}<!-- end of pairs -->{after}", table());
    if std::env::var_os("LIGHTBUS_UPDATE_GOLDENS").is_some() {
        std::fs::write(path, made).expect("the page can be written");
    } else {
        assert!(made == page, "docs/changing-an-api.md is not up to date: run the test with LIGHTBUS_UPDATE_GOLDENS=1");
    }
}
