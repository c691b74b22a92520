//! Pairs of an old and a new version that really talk to each other.
//!
//! Each pair encodes values with one version and decodes them with the other, in MessagePack and in JSON, in both
//! directions. What happens is what `lightbus::schema::compare` has to say of the two schemas.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "values of the pairs are known to be well")]
#![allow(clippy::enum_variant_names, reason = "variants of untagged enums are told apart by their prefix")]

mod containers;
mod enums;
mod fields;
mod harness;
mod numbers;
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

use harness::Pair;

fn pairs() -> Vec<Pair> {
    [fields::pairs(), numbers::pairs(), text::pairs(), enums::pairs(), containers::pairs()]
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
