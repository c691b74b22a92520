//! The effect of a change on messages between an old process and a new one.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::api::schema::compat::walk::Effect;
use crate::api::schema::shape::short;

/// The effect of a change on messages between a process of the old version and one of the new version.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Every message is understood.
    Compatible,
    /// Every message decodes, but something in it is lost or means something else.
    Mute,
    /// Some messages do not decode.
    FailsForSome {
        /// A body of such a message.
        #[serde(skip_serializing_if = "Option::is_none")]
        witness: Option<Value>,
    },
    /// No message decodes.
    Fails {
        /// A body of such a message.
        #[serde(skip_serializing_if = "Option::is_none")]
        witness: Option<Value>,
    },
    /// The schemas do not say. Have a look.
    Unknown,
}

impl Verdict {
    /// Whether messages may fail.
    #[must_use]
    pub const fn is_breaking(&self) -> bool {
        !matches!(self, Self::Compatible | Self::Mute)
    }

    /// Whether something is lost without an error.
    #[must_use]
    pub const fn is_mute(&self) -> bool {
        matches!(self, Self::Mute)
    }

    /// A body that fails.
    #[must_use]
    pub const fn witness(&self) -> Option<&Value> {
        match self {
            Self::FailsForSome { witness } | Self::Fails { witness } => witness.as_ref(),
            _ => None,
        }
    }

    /// How bad it is: 0 for [`Compatible`](Self::Compatible), 4 for [`Fails`](Self::Fails).
    #[must_use]
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Compatible => 0,
            Self::Mute => 1,
            Self::FailsForSome { .. } => 2,
            Self::Unknown => 3,
            Self::Fails { .. } => 4,
        }
    }
}

impl From<Effect> for Verdict {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Fine => Self::Compatible,
            Effect::Mute => Self::Mute,
            Effect::Some(witness) => Self::FailsForSome { witness },
            Effect::Fails(witness) => Self::Fails { witness },
            Effect::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compatible => f.write_str("compatible"),
            Self::Mute => f.write_str("mute (decodes, but something is lost)"),
            Self::FailsForSome { witness: None } => f.write_str("some messages fail"),
            Self::FailsForSome { witness: Some(witness) } => {
                write!(f, "some messages fail, such as {}", short(witness))
            }
            Self::Fails { witness: None } => f.write_str("every message fails"),
            Self::Fails { witness: Some(witness) } => write!(f, "every message fails, such as {}", short(witness)),
            Self::Unknown => f.write_str("cannot tell"),
        }
    }
}
