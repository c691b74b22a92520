//! JSON Schemas in the terms of serde.
//!
//! Two schemas are compared by what the decoders behind them do, so each one is first read into a [`Shape`]: some
//! twenty forms that schemars writes for serde types. Anything else becomes [`Shape::Opaque`], about which only
//! equality is known.

mod accepts;
mod fingerprint;
mod keywords;
mod object;
mod reader;
mod sample;
mod union;
mod variants;
mod words;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::accepts::{accepts, is_within};
pub(crate) use self::fingerprint::{Hash, fingerprint};
pub(crate) use self::keywords::escaped;
pub(crate) use self::reader::{Contract, Reader};
pub(crate) use self::sample::{example, number, of_variant, rich, sample, simplest, tagged};
pub(crate) use self::words::{describe, short};

/// The index of a shape among its [`Shapes`].
pub(crate) type Id = usize;

/// How many aliases (`$ref` to `$ref`) are followed.
const MAX_ALIASES: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Any value: `serde_json::Value`.
    Any,
    /// No value: an empty enum.
    Never,
    /// `()`.
    Null,
    /// `bool`.
    Bool,
    Integer(Integer),
    /// `f32` or `f64`.
    Float {
        single: bool,
    },
    /// An integer or a float: `serde_json::Number`.
    Number,
    /// `String`, `char`, and types that are written as text.
    Text(Text),
    /// One of these values: an enum that is written as numbers.
    Choice(Vec<Value>),
    /// `Option<T>`.
    Nullable(Id),
    /// `Vec<T>`, or a set.
    List {
        item: Id,
        unique: bool,
    },
    /// `[T; N]`.
    Array {
        item: Id,
        length: u64,
    },
    Tuple(Vec<Id>),
    Map {
        key: Key,
        value: Id,
    },
    Struct(Struct),
    Union(Union),
    /// The same as another shape.
    Alias(Id),
    /// A schema that is not understood, as it is written.
    Opaque(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer {
    pub(crate) min: i128,
    pub(crate) max: i128,
    pub(crate) nonzero: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Free,
    Char,
    /// Text that the type parses, such as a date.
    Format(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Text,
    Integer { signed: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Struct {
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) rest: Rest,
}

/// How a struct treats fields that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Ignored,
    Refused,
    /// A flattened map keeps them.
    Kept(Id),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) shape: Id,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Union {
    pub(crate) tagging: Tagging,
    /// In the order of the schema, which matters for untagged ones.
    pub(crate) variants: Vec<Variant>,
    /// The variant that takes names that the decoder does not know: `#[serde(other)]`.
    pub(crate) other: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tagging {
    /// `"Name"` or `{"Name": content}`.
    External,
    /// `{"tag": "Name", …}`, also where the content has a field of its own.
    Internal(String),
    /// Whichever variant decodes first.
    Untagged,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// What the variant holds: for an internal tag, the fields beside the tag.
    pub(crate) content: Id,
    /// Whether the name is all that is written.
    pub(crate) unit: bool,
    pub(crate) aliases: Vec<String>,
}

impl Variant {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// A shape and the place in the schema that it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// What `#[schemars(…)]` says beyond the type. No decoder enforces it.
    pub(crate) constraints: Option<String>,
    /// The JSON pointer of the schema in its document.
    pub(crate) pointer: String,
}

/// The shapes of one document, which refer to each other.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    nodes: Vec<Node>,
}

impl Shapes {
    /// The node behind any aliases.
    pub(crate) fn node(&self, id: Id) -> &Node {
        const NONE: &Node = &Node { shape: Shape::Opaque(Value::Null), constraints: None, pointer: String::new() };
        let mut id = id;
        for _ in 0..MAX_ALIASES {
            match self.nodes.get(id) {
                Some(Node { shape: Shape::Alias(next), .. }) => id = *next,
                Some(node) => return node,
                None => break,
            }
        }
        NONE
    }

    pub(crate) fn get(&self, id: Id) -> &Shape {
        &self.node(id).shape
    }

    /// The same id for all aliases of a shape.
    pub(crate) fn resolve(&self, id: Id) -> Id {
        let mut id = id;
        for _ in 0..MAX_ALIASES {
            match self.nodes.get(id) {
                Some(Node { shape: Shape::Alias(next), .. }) => id = *next,
                _ => break,
            }
        }
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn push(&mut self, shape: Shape, pointer: String) -> Id {
        self.nodes.push(Node { shape, constraints: None, pointer });
        self.nodes.len() - 1
    }
}
