//! Problems between one writer and one reader.

use serde_json::Value;

use crate::api::schema::shape::Id;

/// What happens to the messages that a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Nothing, but it is worth a word.
    Fine,
    /// They decode, and something is lost or means something else.
    Mute,
    /// Some do not decode, such as this one.
    Some(Option<Value>),
    /// None of them decodes, such as this one.
    Fails(Option<Value>),
    /// The shapes are not understood well enough.
    Unknown,
}

impl Effect {
    pub(crate) const fn severity(&self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Mute => 1,
            Self::Some(_) => 2,
            Self::Unknown => 3,
            Self::Fails(_) => 4,
        }
    }

    pub(crate) const fn is_failure(&self) -> bool {
        matches!(self, Self::Some(_) | Self::Fails(_))
    }

    pub(crate) fn worse(self, other: Self) -> Self {
        if other.severity() > self.severity() { other } else { self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A field that the reader requires is never written.
    Missing,
    /// A field that the reader can do without is never written.
    NotWritten,
    /// A field that the reader requires is sometimes left out.
    MayBeMissing,
    /// A field that is written is ignored.
    Unread,
    /// A field that is written is refused.
    UnknownField,
    /// A field that is left out stands for different values.
    Default,
    Null,
    Range,
    Number,
    Text,
    Type,
    Length,
    Unique,
    Key,
    UnknownVariant,
    /// A variant with content on one side and without on the other.
    VariantContent,
    /// An unknown variant is read as the one that stands for all others.
    OtherVariant,
    /// A value is read as another variant than before.
    TakenByOther,
    Representation,
    Constraint,
    Opaque,
    /// The comparison was given up here.
    TooLarge,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// Where, such as `parts[].serial`.
    pub(crate) path: String,
    pub(crate) effect: Effect,
    /// What is written and what is read, in words.
    pub(crate) written: String,
    pub(crate) read: String,
    /// The writer's shape of what one side does not have.
    pub(crate) shape: Option<Id>,
}

/// How much of a path is kept: names in it come from the schema.
const MAX_PATH: usize = 512;

pub(crate) fn join(path: &str, name: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    limited(format!("{path}{dot}{name}"))
}

pub(crate) fn index(path: &str, index: &str) -> String {
    limited(format!("{path}{index}"))
}

fn limited(mut path: String) -> String {
    if path.len() > MAX_PATH {
        let end = (0..=MAX_PATH).rev().find(|end| path.is_char_boundary(*end)).unwrap_or_default();
        path.truncate(end);
    }
    path
}
