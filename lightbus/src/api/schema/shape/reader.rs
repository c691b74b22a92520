//! Reads JSON Schema into shapes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::keywords::{Object, WIRE, constraints, escaped, integer, is_annotation, text, too_large};
use super::variants::{units, untagged};
use super::{Id, Integer, Key, Shape, Shapes, Text};

/// How many shapes a document may have. Further ones are opaque.
const MAX_SHAPES: usize = 50_000;

/// How deeply schemas may be nested without a `$ref` between them. Deeper ones are opaque.
const MAX_DEPTH: usize = 64;

/// Which side a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Contract {
    /// The decoder.
    Read,
    /// The encoder.
    Written,
}

/// Reads the schemas of one document.
pub(crate) struct Reader<'d> {
    definitions: &'d Object,
    pub(super) shapes: Shapes,
    named: HashMap<(Contract, &'d str), Id>,
    pub(super) contract: Contract,
    root: Option<&'d Value>,
    root_id: Option<Id>,
    spent: usize,
    /// Definitions that are referred to and not read yet.
    waiting: Vec<(Id, &'d Value)>,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(definitions: &'d Object) -> Self {
        Self {
            definitions,
            shapes: Shapes::default(),
            named: HashMap::new(),
            contract: Contract::Read,
            root: None,
            root_id: None,
            spent: 0,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Shapes {
        self.shapes
    }

    /// Reads one schema of the document.
    pub(crate) fn read(&mut self, schema: &'d Value, pointer: &str, contract: Contract) -> Id {
        self.contract = contract;
        (self.root, self.root_id) = (Some(schema), None);
        let id = self.add(schema, pointer, 0);
        // One after the other: a chain of references may be longer than the stack is deep.
        while let Some((id, schema)) = self.waiting.pop() {
            self.fill(id, schema, 1);
        }
        id
    }

    pub(super) fn add(&mut self, schema: &'d Value, pointer: &str, depth: usize) -> Id {
        if self.is_full() {
            return self.push(Shape::Opaque(too_large()), pointer);
        }
        let id = self.push(Shape::Opaque(Value::Null), pointer);
        if depth == 0 && self.root_id.is_none() {
            self.root_id = Some(id);
        }
        self.fill(id, schema, depth);
        id
    }

    fn fill(&mut self, id: Id, schema: &'d Value, depth: usize) {
        let pointer = self.shapes.nodes[id].pointer.clone();
        let shape = if depth > MAX_DEPTH { Shape::Opaque(too_large()) } else { self.shape(schema, &pointer, depth) };
        let constraints = constraints(schema, &shape);
        let node = &mut self.shapes.nodes[id];
        (node.shape, node.constraints) = (shape, constraints);
    }

    /// Adds a shape, or returns the last one when there are too many.
    pub(super) fn push(&mut self, shape: Shape, pointer: &str) -> Id {
        self.spent += 1;
        match self.shapes.len().checked_sub(1) {
            Some(last) if self.shapes.len() > MAX_SHAPES => last,
            _ => self.shapes.push(shape, pointer.to_owned()),
        }
    }

    /// Whether the document is larger than what is read. Copies of fields count, too.
    pub(super) fn is_full(&self) -> bool {
        self.spent >= MAX_SHAPES
    }

    pub(super) fn spend(&mut self, count: usize) {
        self.spent += count;
    }

    fn shape(&mut self, schema: &'d Value, pointer: &str, depth: usize) -> Shape {
        let object = match schema {
            Value::Bool(true) => return Shape::Any,
            Value::Bool(false) => return Shape::Never,
            Value::Object(object) => object,
            other => return Shape::Opaque(other.clone()),
        };
        let has = |name: &str| object.contains_key(name);
        if object.keys().all(|key| is_annotation(key)) {
            return Shape::Any;
        }
        if object.get("not").is_some_and(|not| not.as_object().is_some_and(Map::is_empty)) {
            return Shape::Never;
        }
        let observed = match self.contract {
            Contract::Read => "x-lightbus-takes",
            Contract::Written => "x-lightbus-writes",
        };
        if let Some(Value::Array(kinds)) = object.get(observed) {
            return self.observed(kinds, object, pointer);
        }
        if let Some(Value::String(reference)) = object.get("$ref")
            && object.keys().all(|key| key == "$ref" || is_annotation(key))
        {
            return self.reference(reference).map_or_else(|| Shape::Opaque(schema.clone()), Shape::Alias);
        }
        if has("$ref") || has("allOf") || has("properties") && (has("oneOf") || has("anyOf")) {
            return self.merged(schema, object, pointer, depth);
        }
        if has("oneOf") || has("anyOf") {
            return self.union(object, pointer, depth).unwrap_or_else(|| Shape::Opaque(schema.clone()));
        }
        if has("enum") || has("const") {
            return self.choice(object, pointer).unwrap_or_else(|| Shape::Opaque(schema.clone()));
        }
        let shape = match object.get("type") {
            Some(Value::String(kind)) => self.typed(kind, object, pointer, depth),
            Some(Value::Array(kinds)) => self.several(kinds, object, pointer, depth),
            _ => None,
        };
        shape.unwrap_or_else(|| Shape::Opaque(schema.clone()))
    }

    /// The shape that `$ref` names.
    pub(super) fn reference(&mut self, reference: &str) -> Option<Id> {
        if reference == "#" {
            return self.root_id;
        }
        let (name, schema) = self.definition(reference)?;
        if let Some(id) = self.named.get(&(self.contract, name)) {
            return Some(*id);
        }
        let id = self.push(Shape::Opaque(Value::Null), &format!("/$defs/{}", escaped(name)));
        self.named.insert((self.contract, name), id);
        self.waiting.push((id, schema));
        Some(id)
    }

    /// The definition that `$ref` names.
    pub(super) fn definition(&self, reference: &str) -> Option<(&'d str, &'d Value)> {
        if reference == "#" {
            return self.root.map(|root| ("#", root));
        }
        let name = reference.strip_prefix("#/$defs/")?.replace("~1", "/").replace("~0", "~");
        let (name, schema) = self.definitions.get_key_value(&name)?;
        Some((name.as_str(), schema))
    }

    fn several(&mut self, kinds: &'d [Value], object: &'d Object, pointer: &str, depth: usize) -> Option<Shape> {
        let names: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
        let nullable = names.contains(&"null");
        let others: Vec<&str> = names.into_iter().filter(|name| *name != "null").take(8).collect();
        let mut shapes = Vec::new();
        for kind in others {
            let shape = self.typed(kind, object, pointer, depth)?;
            shapes.push((kind, self.push(shape, pointer)));
        }
        let one = match shapes.as_slice() {
            [] => return nullable.then_some(Shape::Null),
            [(_, only)] => *only,
            several => {
                let union = untagged(several.iter().map(|(kind, id)| ((*kind).to_owned(), *id)));
                self.push(union, pointer)
            }
        };
        Some(if nullable { Shape::Nullable(one) } else { Shape::Alias(one) })
    }

    fn typed(&mut self, kind: &str, object: &'d Object, pointer: &str, depth: usize) -> Option<Shape> {
        let format = object.get("format").and_then(Value::as_str);
        Some(match kind {
            "null" => Shape::Null,
            "boolean" => Shape::Bool,
            "integer" => Shape::Integer(integer(object, format)?),
            "number" => match format {
                Some("float") => Shape::Float { single: true },
                Some("double") => Shape::Float { single: false },
                _ => Shape::Number,
            },
            "string" => Shape::Text(text(object, format)),
            "array" => self.array(object, pointer, depth)?,
            "object" => self.object(object, pointer, depth)?,
            _ => return None,
        })
    }

    fn array(&mut self, object: &'d Object, pointer: &str, depth: usize) -> Option<Shape> {
        let length = |name: &str| object.get(name).and_then(Value::as_u64);
        if let Some(Value::Array(items)) = object.get("prefixItems") {
            let add = |(index, item)| self.add(item, &format!("{pointer}/prefixItems/{index}"), depth + 1);
            let items = items.iter().enumerate().map(add).collect::<Vec<_>>();
            return Some(Shape::Tuple(items));
        }
        if object.get("maxItems").and_then(Value::as_u64) == Some(0) {
            return Some(Shape::Tuple(Vec::new()));
        }
        let item = match object.get("items") {
            Some(items) => self.add(items, &format!("{pointer}/items"), depth + 1),
            None => self.push(Shape::Any, pointer),
        };
        Some(match (length("minItems"), length("maxItems")) {
            (Some(min), Some(max)) if min == max => Shape::Array { item, length: min },
            _ => Shape::List { item, unique: object.get("uniqueItems") == Some(&Value::Bool(true)) },
        })
    }

    /// Text that names a unit variant, or one of some other values.
    fn choice(&mut self, object: &'d Object, pointer: &str) -> Option<Shape> {
        let values: Vec<&Value> = match (object.get("enum"), object.get("const")) {
            (Some(Value::Array(values)), None) => values.iter().collect(),
            (None, Some(value)) => vec![value],
            _ => return None,
        };
        let nullable = values.iter().any(|value| value.is_null());
        let values: Vec<&Value> = values.into_iter().filter(|value| !value.is_null()).collect();
        let shape = if values.iter().all(|value| value.is_string()) {
            let null = self.push(Shape::Null, pointer);
            units(values.iter().filter_map(|value| value.as_str()), null, object)
        } else if values.iter().all(|value| value.is_number()) {
            Shape::Choice(values.into_iter().cloned().collect())
        } else {
            return None;
        };
        Some(if nullable { Shape::Nullable(self.push(shape, pointer)) } else { shape })
    }

    /// What the decoder took or the encoder wrote where the schema says something else.
    fn observed(&mut self, kinds: &[Value], object: &Object, pointer: &str) -> Shape {
        let mut shapes = Vec::new();
        for kind in kinds.iter().filter_map(Value::as_str).take(16) {
            let shape = match kind {
                "null" => Shape::Null,
                "boolean" => Shape::Bool,
                "integer" => Shape::Integer(Integer { min: WIRE.0, max: WIRE.1, nonzero: false }),
                "number" => Shape::Number,
                "string" => Shape::Text(Text::Free),
                "array" => {
                    let item = self.push(Shape::Any, pointer);
                    Shape::List { item, unique: false }
                }
                "object" => {
                    let value = self.push(Shape::Any, pointer);
                    Shape::Map { key: Key::Text, value }
                }
                _ => Shape::Opaque(Value::Object(object.clone())),
            };
            shapes.push((kind.to_owned(), self.push(shape, pointer)));
        }
        match shapes.as_slice() {
            [] => Shape::Never,
            [(_, only)] => Shape::Alias(*only),
            _ => untagged(shapes),
        }
    }
}
