//! A hash of what a shape means, which names, documentation and facts about one decoder do not change.

use std::collections::HashMap;

use super::{Id, Rest, Shape, Shapes, Tagging};

/// How deeply shapes are followed. What is deeper counts as equal.
const MAX_DEPTH: usize = 200;

/// FNV-1a with 128 bits: it has to be stable and spread well, not to withstand an attack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hash(u128);

impl Hash {
    pub(crate) const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes())
    }

    pub(crate) fn number(&mut self, number: u128) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) const fn finish(self) -> u128 {
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        self
    }
}

/// Shapes of equal meaning have the same fingerprint.
pub(crate) fn fingerprint(shapes: &Shapes, id: Id) -> u128 {
    Fingerprints { shapes, known: HashMap::new(), open: HashMap::new() }.of(id, 0)
}

struct Fingerprints<'s> {
    shapes: &'s Shapes,
    known: HashMap<Id, u128>,
    /// The shapes that are being looked at, and how deep they are.
    open: HashMap<Id, usize>,
}

impl Fingerprints<'_> {
    fn of(&mut self, id: Id, depth: usize) -> u128 {
        let id = self.shapes.resolve(id);
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let mut hash = Hash::new();
        if depth > MAX_DEPTH {
            return hash.finish();
        }
        if let Some(at) = self.open.get(&id) {
            return hash.text("cycle").number((depth - at) as u128).finish();
        }
        self.open.insert(id, depth);
        self.shape(&mut hash, id, depth + 1);
        self.open.remove(&id);
        self.known.insert(id, hash.finish());
        hash.finish()
    }

    fn shape(&mut self, hash: &mut Hash, id: Id, depth: usize) {
        let shapes = self.shapes;
        match shapes.get(id) {
            Shape::Nullable(inner) => hash.text("nullable").number(self.of(*inner, depth)),
            Shape::List { item, unique } => hash.text("list").number(u128::from(*unique)).number(self.of(*item, depth)),
            Shape::Array { item, length } => {
                hash.text("array").number(u128::from(*length)).number(self.of(*item, depth))
            }
            Shape::Tuple(items) => {
                hash.text("tuple");
                items.iter().fold(hash, |hash, item| hash.number(self.of(*item, depth)))
            }
            Shape::Map { key, value } => hash.text("map").text(&format!("{key:?}")).number(self.of(*value, depth)),
            Shape::Struct(shape) => {
                hash.text("struct");
                for (name, field) in &shape.fields {
                    hash.text(name).number(u128::from(field.required)).number(self.of(field.shape, depth));
                    hash.text(&field.default.as_ref().map(ToString::to_string).unwrap_or_default());
                }
                match shape.rest {
                    Rest::Ignored => hash.text("ignored"),
                    Rest::Refused => hash.text("refused"),
                    Rest::Kept(value) => hash.text("kept").number(self.of(value, depth)),
                }
            }
            Shape::Union(union) => {
                hash.text("union").text(&format!("{:?}", union.tagging));
                let mut variants: Vec<_> = union.variants.iter().collect();
                let named = union.tagging != Tagging::Untagged;
                if named {
                    variants.sort_by(|one, other| one.name.cmp(&other.name));
                }
                for variant in variants {
                    hash.text(if named { &variant.name } else { "" }).number(u128::from(variant.unit));
                    hash.number(self.of(variant.content, depth));
                }
                hash
            }
            other => hash.text(&format!("{other:?}")),
        };
    }
}
