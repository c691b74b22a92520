//! The types of an API, as shapes.

use std::collections::BTreeMap;

use super::document::{ApiSchema, TypeSchema};
use super::shape::{Contract, Id, Reader, Shapes, escaped, fingerprint};

/// One version of a type: what is written and what is read.
#[derive(Clone, Copy)]
pub(crate) struct Type<'s> {
    pub(crate) shapes: &'s Shapes,
    pub(crate) written: Id,
    pub(crate) read: Id,
}

/// Every type of an API.
fn parts(schema: &ApiSchema) -> impl Iterator<Item = (&str, PartKey, &TypeSchema)> {
    let methods = schema.methods.iter().flat_map(|(name, method)| {
        let error = method.error.as_ref().map(|error| (PartKey::Error, error));
        let types = [(PartKey::Arguments, &method.arguments), (PartKey::Answer, &method.returns)];
        types.into_iter().chain(error).map(|(part, ty)| (name.as_str(), part, ty))
    });
    methods.chain(schema.events.iter().map(|(name, event)| (name.as_str(), PartKey::Fields, &event.fields)))
}

/// The types of one version, as shapes.
pub(super) struct ApiTypes {
    pub(super) shapes: Shapes,
    /// What is written and what is read.
    pub(super) types: BTreeMap<(String, PartKey), (Id, Id)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartKey {
    Arguments,
    Answer,
    Error,
    Fields,
}

impl PartKey {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Answer => "returns",
            Self::Error => "error",
            Self::Fields => "fields",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Fields => "events",
            _ => "methods",
        }
    }
}

impl ApiTypes {
    pub(super) fn read(schema: &ApiSchema) -> Self {
        let mut reader = Reader::new(&schema.definitions);
        let mut types = BTreeMap::new();
        for (member, part, ty) in parts(schema) {
            let pointer = format!("/{}/{}/{}", part.kind(), escaped(member), part.name());
            types.insert((member.to_owned(), part), Self::of(ty, &pointer, &mut reader));
        }
        Self { shapes: reader.finish(), types }
    }

    fn of<'d>(ty: &'d TypeSchema, pointer: &str, reader: &mut Reader<'d>) -> (Id, Id) {
        let read = reader.read(ty.read.as_value(), pointer, Contract::Read);
        let written = reader.read(ty.written().as_value(), pointer, Contract::Written);
        (written, read)
    }

    pub(super) fn get(&self, member: &str, part: PartKey) -> Option<Type<'_>> {
        let (written, read) = *self.types.get(&(member.to_owned(), part))?;
        Some(Type { shapes: &self.shapes, written, read })
    }

    /// What tells two members of different names apart.
    pub(super) fn signature(&self, member: &str) -> Vec<(PartKey, u128, u128)> {
        const PARTS: [PartKey; 4] = [PartKey::Arguments, PartKey::Answer, PartKey::Error, PartKey::Fields];
        let fingerprints = |part| {
            let ty = self.get(member, part)?;
            Some((part, fingerprint(ty.shapes, ty.written), fingerprint(ty.shapes, ty.read)))
        };
        PARTS.into_iter().filter_map(fingerprints).collect()
    }
}
