//! Schemas, in parts that fit into an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::text::truncate;

/// How long a part of a schema may be, in bytes.
const MAX_PART: usize = 32 * 1024;

/// A part of the schema of an API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SchemaPage {
    /// A part of the schema as JSON.
    pub(crate) text: String,
    /// How long the whole is, in bytes.
    pub(crate) total: u64,
}

/// Returns the part of a schema that begins at a byte. It is empty if the text has no character there.
pub(crate) fn page(text: &str, from: u64) -> SchemaPage {
    let rest = usize::try_from(from).ok().and_then(|from| text.get(from..)).unwrap_or_default();
    SchemaPage { text: truncate(rest, MAX_PART).to_owned(), total: text.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_schema_are_the_whole() {
        let text = "ä€".repeat(MAX_PART);
        let mut read = String::new();
        loop {
            let SchemaPage { text: part, total } = page(&text, read.len() as u64);
            assert_eq!(total, text.len() as u64);
            assert!(part.len() <= MAX_PART && (!part.is_empty() || read.len() == text.len()));
            if part.is_empty() {
                break;
            }
            read.push_str(&part);
        }
        assert_eq!(read, text);
        assert_eq!(page("ä", 1), SchemaPage { text: String::new(), total: 2 });
        assert_eq!(page("", u64::MAX), SchemaPage::default());
    }
}
