//! Finds out from the real decoder what the schema does not state.
//!
//! schemars reads attributes, not code: it knows neither `#[serde(alias)]` nor `#[serde(other)]`, takes `deserialize_with`
//! for whatever the field's type is, and believes hand-written implementations. So the decoder of each type is given values
//! that are made from the schema and changed in one place at a time, and what it makes of them is written into the
//! schema as `x-lightbus-…`.

mod facts;
mod prober;
mod spy;
mod steps;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::prober::Prober;
use self::spy::Spy;
use super::compat::Part;
use super::document::{ApiSchema, TypeSchema};
use super::shape::{Contract, Reader, escaped};
use crate::protocol::codec::{Body, encode};
use crate::protocol::message::Encoding;

/// The decoder of one type of an API.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    member: &'static str,
    part: Part,
    /// One argument of a method whose arguments are decoded one by one.
    argument: Option<&'static str>,
    run: Run,
}

type Run = for<'b> fn(&'b Input) -> Result<Value, Refusal>;

impl Probe {
    /// The decoder of the arguments, the answer or the error of a method, or of the fields of an event.
    #[must_use]
    pub const fn new(member: &'static str, part: Part, run: Run) -> Self {
        Self { member, part, argument: None, run }
    }

    /// The decoder of one argument.
    #[must_use]
    pub const fn argument(member: &'static str, argument: &'static str, run: Run) -> Self {
        Self { member, part: Part::Arguments, argument: Some(argument), run }
    }

    /// Where the type is in the schema of its part.
    fn pointer(&self) -> String {
        self.argument.map(|name| format!("/properties/{}", escaped(name))).unwrap_or_default()
    }

    fn run(&self, value: &Value) -> Result<Value, Refusal> {
        (self.run)(&Input::new(value, false)?)
    }

    /// Also tells the names that each struct in the value knows, aliases among them.
    fn run_with_names(&self, value: &Value) -> Result<Names, Refusal> {
        let input = Input::new(value, true)?;
        (self.run)(&input)?;
        Ok(input.names.map(RefCell::into_inner).unwrap_or_default())
    }
}

/// The names of the fields of each struct, by the path of the struct.
type Names = BTreeMap<String, Vec<&'static str>>;

/// A value for a decoder.
#[derive(Debug)]
pub struct Input {
    body: Body,
    value: Value,
    names: Option<RefCell<Names>>,
}

impl Input {
    fn new(value: &Value, with_names: bool) -> Result<Self, Refusal> {
        let body = encode(Encoding::MessagePack, value).map_err(|error| Refusal::of(&error))?;
        let body = Body::new(&body).map_err(|error| Refusal::of(&error))?;
        Ok(Self { body, value: value.clone(), names: with_names.then(RefCell::default) })
    }
}

/// Why a decoder did not take a value.
#[derive(Debug, Clone)]
pub struct Refusal {
    path: String,
    reason: String,
}

impl Refusal {
    fn of(error: &dyn std::fmt::Display) -> Self {
        Self { path: String::new(), reason: error.to_string() }
    }
}

/// Decodes a value as a `T` and encodes it again. Generated code calls it.
///
/// # Errors
///
/// Fails if the value is not a `T`.
pub fn probe<'b, T: Deserialize<'b> + Serialize>(input: &'b Input) -> Result<Value, Refusal> {
    if let Some(names) = &input.names {
        let _ = T::deserialize(Spy::new(&input.value, names));
    }
    match input.body.decode::<T>() {
        Ok(value) => again(encode(Encoding::Json, &value).map(|payload| payload.bytes)),
        Err(crate::protocol::codec::DecodeError::Value { path, reason }) => Err(Refusal { path, reason }),
        Err(error) => Err(Refusal::of(&error)),
    }
}

fn again<E: std::fmt::Display>(encoded: Result<bytes::Bytes, E>) -> Result<Value, Refusal> {
    let bytes = encoded.map_err(|error| Refusal::of(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| Refusal::of(&error))
}

/// Adds to a schema what the decoders do.
pub(crate) fn annotate(schema: &mut ApiSchema, probes: &[Probe]) {
    let mut known = HashSet::new();
    for probe in probes {
        let Some(ty) = ty(schema, probe) else { continue };
        let facts = {
            let pointer = probe.pointer();
            let parts = (ty.read.as_value().pointer(&pointer), ty.written().as_value().pointer(&pointer));
            let (Some(read), Some(written)) = parts else { continue };
            let mut reader = Reader::new(&schema.definitions);
            let read = reader.read(read, &pointer, Contract::Read);
            let written = reader.read(written, &pointer, Contract::Written);
            Prober::new(&reader.finish(), probe, &mut known).facts(read, written)
        };
        let mut own = ty.read.clone().to_value();
        let mut written = ty.written.clone().map(schemars::Schema::to_value);
        for fact in facts {
            let is_written = fact.is_written();
            let root = match &mut written {
                Some(written) if is_written => written,
                _ => &mut own,
            };
            match fact.pointer().starts_with("/$defs/") {
                true => facts::apply(&mut schema.definitions, fact),
                false => facts::apply_at(root, fact),
            }
        }
        if let Some(ty) = ty_mut(schema, probe)
            && let Ok(read) = schemars::Schema::try_from(own)
        {
            ty.read = read;
            ty.written = written.and_then(|written| schemars::Schema::try_from(written).ok());
        }
    }
}

fn ty<'s>(schema: &'s ApiSchema, probe: &Probe) -> Option<&'s TypeSchema> {
    if probe.part == Part::Fields {
        return schema.events.get(probe.member).map(|event| &event.fields);
    }
    let method = schema.methods.get(probe.member)?;
    match probe.part {
        Part::Arguments => Some(&method.arguments),
        Part::Answer => Some(&method.returns),
        Part::Error => method.error.as_ref(),
        _ => None,
    }
}

fn ty_mut<'s>(schema: &'s mut ApiSchema, probe: &Probe) -> Option<&'s mut TypeSchema> {
    if probe.part == Part::Fields {
        return schema.events.get_mut(probe.member).map(|event| &mut event.fields);
    }
    let method = schema.methods.get_mut(probe.member)?;
    match probe.part {
        Part::Arguments => Some(&mut method.arguments),
        Part::Answer => Some(&mut method.returns),
        Part::Error => method.error.as_mut(),
        _ => None,
    }
}
