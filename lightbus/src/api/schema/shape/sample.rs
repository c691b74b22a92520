//! Values that a shape stands for.

use serde_json::{Map, Value, json};

use super::{Id, Integer, Key, Rest, Shape, Shapes, Tagging, Text, Union};

/// How deeply a sample nests. Deeper ones are given up.
const MAX_DEPTH: usize = 48;

/// How many values a sample holds. Larger ones are given up: a few types that hold each other twice would make
/// gigabytes.
const MAX_VALUES: usize = 500;

/// Picks one of so many alternatives at a depth. The first is the simplest.
type Pick<'s> = &'s mut dyn FnMut(usize, usize) -> usize;

/// Makes values that the writer of a shape can produce.
pub(crate) struct Sampler<'s> {
    shapes: &'s Shapes,
    left: usize,
    pick: Pick<'s>,
}

/// The simplest value of a shape.
pub(crate) fn simplest(shapes: &Shapes, id: Id) -> Option<Value> {
    sample(shapes, id, &mut |_, _| 0)
}

/// A value in which everything is present that may be, up to a depth.
pub(crate) fn rich(shapes: &Shapes, id: Id, levels: usize) -> Option<Value> {
    sample(shapes, id, &mut |count, depth| usize::from((2..4).contains(&count) && depth < levels))
}

/// A value of a shape, by the picks of the caller.
pub(crate) fn sample(shapes: &Shapes, id: Id, pick: Pick<'_>) -> Option<Value> {
    Sampler { shapes, left: MAX_VALUES, pick }.value(id, 0)
}

impl Sampler<'_> {
    fn value(&mut self, id: Id, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1).filter(|_| depth < MAX_DEPTH)?;
        let shapes = self.shapes;
        Some(match shapes.get(id) {
            Shape::Any => [json!(null), json!(7), json!("text"), json!({"any": [true]})][self.pick(4, depth)].clone(),
            Shape::Never | Shape::Opaque(_) | Shape::Alias(_) => return None,
            Shape::Null => Value::Null,
            Shape::Bool => Value::Bool(self.pick(2, depth) == 1),
            Shape::Integer(range) => integer(range, self.pick(4, depth))?,
            Shape::Float { single: true } => json!([1.5f32, -0.25f32, 1e30f32][self.pick(3, depth)]),
            Shape::Float { single: false } => json!([1.5, -0.1, 1e300][self.pick(3, depth)]),
            Shape::Number => [json!(1.5), json!(7)][self.pick(2, depth)].clone(),
            Shape::Text(text) => Value::String(self.text(text, depth)),
            Shape::Choice(values) => values.get(self.pick(values.len(), depth))?.clone(),
            Shape::Nullable(inner) => match self.pick(2, depth) {
                0 => Value::Null,
                _ => self.value(*inner, depth + 1).unwrap_or(Value::Null),
            },
            Shape::List { item, unique } => {
                let length = self.pick(if *unique { 2 } else { 3 }, depth);
                let mut items = Vec::new();
                for _ in 0..length {
                    // A type without values still has an empty list.
                    items.extend(self.value(*item, depth + 1));
                }
                Value::Array(items)
            }
            Shape::Array { item, length } => {
                if *length > MAX_VALUES as u64 {
                    return None;
                }
                let mut items = Vec::new();
                for _ in 0..*length {
                    items.push(self.value(*item, depth + 1)?);
                }
                Value::Array(items)
            }
            Shape::Tuple(items) => {
                Value::Array(items.iter().map(|item| self.value(*item, depth + 1)).collect::<Option<_>>()?)
            }
            Shape::Map { key, value } => {
                let mut entries = Map::new();
                if self.pick(2, depth) == 1 {
                    let key = match key {
                        Key::Text => "key",
                        Key::Integer { .. } => "7",
                    };
                    entries.extend(self.value(*value, depth + 1).map(|value| (key.to_owned(), value)));
                }
                Value::Object(entries)
            }
            Shape::Struct(shape) => {
                let mut fields = Map::new();
                for (name, field) in &shape.fields {
                    if field.required {
                        fields.insert(name.clone(), self.value(field.shape, depth + 1)?);
                    } else if self.pick(2, depth) == 1 {
                        fields.extend(self.value(field.shape, depth + 1).map(|value| (name.clone(), value)));
                    }
                }
                if let Rest::Kept(value) = shape.rest
                    && self.pick(2, depth) == 1
                {
                    fields.extend(self.value(value, depth + 1).map(|value| ("one more".to_owned(), value)));
                }
                Value::Object(fields)
            }
            Shape::Union(union) => self.union(union, depth)?,
        })
    }

    fn union(&mut self, union: &Union, depth: usize) -> Option<Value> {
        let count = union.variants.len();
        let first = self.pick(count.max(1), depth);
        // One that cannot be made, such as a recursive one, gives way to the next.
        for index in (first..count).chain(0..first) {
            if let Some(value) = self.variant(union, index, depth) {
                return Some(value);
            }
        }
        None
    }

    fn variant(&mut self, union: &Union, index: usize, depth: usize) -> Option<Value> {
        let variant = union.variants.get(index)?;
        if union.tagging == Tagging::External && variant.unit {
            return Some(Value::String(variant.name.clone()));
        }
        let content = self.value(variant.content, depth + 1)?;
        tagged(&union.tagging, &variant.name, content)
    }

    fn text(&mut self, text: &Text, depth: usize) -> String {
        match text {
            Text::Free => ["text", "SN-0042", ""][self.pick(3, depth)].to_owned(),
            Text::Char => "t".to_owned(),
            Text::Format(format) => example(format).to_owned(),
        }
    }

    fn pick(&mut self, count: usize, depth: usize) -> usize {
        (self.pick)(count, depth) % count.max(1)
    }
}

/// The content of a variant, with its name.
pub(crate) fn tagged(tagging: &Tagging, name: &str, content: Value) -> Option<Value> {
    Some(match tagging {
        Tagging::External => json!({ name: content }),
        Tagging::Internal(tag) => {
            let Value::Object(mut fields) = content else { return None };
            fields.insert(tag.clone(), Value::String(name.to_owned()));
            Value::Object(fields)
        }
        Tagging::Untagged => content,
    })
}

/// One value of an enum, by the index of the variant.
pub(crate) fn of_variant(shapes: &Shapes, union: &Union, index: usize) -> Option<Value> {
    Sampler { shapes, left: MAX_VALUES, pick: &mut |_, _| 0 }.variant(union, index, 0)
}

fn integer(range: &Integer, pick: usize) -> Option<Value> {
    let small = if range.min <= 1 && range.max >= 1 { 1 } else { range.min };
    let candidate = [small, range.max, range.min, 0][pick % 4];
    let fits = candidate >= range.min && candidate <= range.max && !(candidate == 0 && range.nonzero);
    number(if fits { candidate } else { small })
}

/// An integer that a body can carry.
pub(crate) fn number(value: i128) -> Option<Value> {
    match (u64::try_from(value), i64::try_from(value)) {
        (Ok(value), _) => Some(value.into()),
        (_, Ok(value)) => Some(value.into()),
        _ => None,
    }
}

/// Text that the type behind a format takes.
pub(crate) fn example(format: &str) -> &'static str {
    match format {
        "date" => "2027-05-01",
        "date-time" => "2027-05-01T10:30:00Z",
        "partial-date-time" => "2027-05-01T10:30:00",
        "time" => "10:30:00Z",
        "partial-time" => "10:30:00",
        "zoned-date-time" => "2027-05-01T10:30:00+00:00[UTC]",
        "duration" => "PT1M",
        "uuid" => "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "uri" => "https://example.com/",
        "ip" | "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        _ => "text",
    }
}
