//! Structs, maps and sequences.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Walk;
use super::finding::{Effect, Finding, Kind, index, join};
use crate::api::schema::shape::{Field, Id, Rest, Shape, Struct, short};

impl Walk<'_> {
    pub(super) fn structs(&mut self, written: &Struct, read: &Struct, (w, r): (Id, Id), path: &str) -> Vec<Finding> {
        // Made once: every witness is one of its fields, changed.
        let whole = self.simplest(w);
        let mut found = Vec::new();
        for (name, field) in &read.fields {
            let path = join(path, name);
            let source = written
                .fields
                .get_key_value(name)
                .or_else(|| field.aliases.iter().find_map(|alias| written.fields.get_key_value(alias)));
            match (source, written.rest) {
                (Some((name, source)), _) => found.extend(self.field(name, source, field, whole.as_ref(), &path)),
                (None, Rest::Kept(values)) => {
                    let mut inner = self.relate(values, field.shape, &path);
                    self.inside(&mut inner, true, |value| with(whole.as_ref(), name, value));
                    found.extend(inner);
                    if field.required {
                        found.push(self.finding(
                            Kind::MayBeMissing,
                            &path,
                            Effect::Some(whole.clone()),
                            w,
                            field.shape,
                        ));
                    }
                }
                (None, _) => {
                    let (kind, effect) = match field.required {
                        true => (Kind::Missing, Effect::Fails(whole.clone())),
                        false => (Kind::NotWritten, Effect::Fine),
                    };
                    let mut finding = self.finding(kind, &path, effect, w, field.shape);
                    (finding.written, finding.shape) = ("nothing".to_owned(), None);
                    found.push(finding);
                }
            }
        }
        let aliases: HashSet<&String> = read.fields.values().flat_map(|field| &field.aliases).collect();
        let is_read = |name: &String| read.fields.contains_key(name) || aliases.contains(name);
        for (name, source) in written.fields.iter().filter(|(name, _)| !is_read(name)) {
            found.extend(self.unread(name, source, read.rest, (whole.as_ref(), r), &join(path, name)));
        }
        if let Rest::Kept(values) = written.rest {
            found.extend(self.unnamed(values, read.rest, (whole.as_ref(), r), path));
        }
        found
    }

    fn field(&mut self, name: &str, source: &Field, field: &Field, whole: Option<&Value>, path: &str) -> Vec<Finding> {
        let mut found = self.relate(source.shape, field.shape, path);
        self.inside(&mut found, !source.required, |value| with(whole, name, value));
        if !source.required && field.required {
            let witness = whole.cloned().map(|whole| without(whole, name));
            found.push(self.finding(Kind::MayBeMissing, path, Effect::Some(witness), source.shape, field.shape));
        } else if source.default != field.default {
            let effect = if source.required { Effect::Fine } else { Effect::Mute };
            let mut finding = self.finding(Kind::Default, path, effect, source.shape, field.shape);
            let words = |default: &Option<Value>| default.as_ref().map_or_else(|| "none".to_owned(), short);
            (finding.written, finding.read) = (words(&source.default), words(&field.default));
            found.push(finding);
        }
        found
    }

    fn unread(
        &mut self,
        name: &str,
        source: &Field,
        rest: Rest,
        (whole, r): (Option<&Value>, Id),
        path: &str,
    ) -> Vec<Finding> {
        let finding = match rest {
            Rest::Kept(values) => {
                let mut found = self.relate(source.shape, values, path);
                self.inside(&mut found, !source.required, |value| with(whole, name, value));
                return found;
            }
            Rest::Ignored => self.finding(Kind::Unread, path, Effect::Mute, source.shape, r),
            Rest::Refused => {
                let witness = self.simplest(source.shape).and_then(|value| with(whole, name, value));
                let effect = if source.required { Effect::Fails(witness) } else { Effect::Some(witness) };
                self.finding(Kind::UnknownField, path, effect, source.shape, r)
            }
        };
        vec![Finding { read: "nothing".to_owned(), ..finding }]
    }

    /// What a flattened map writes.
    fn unnamed(&mut self, values: Id, rest: Rest, (whole, r): (Option<&Value>, Id), path: &str) -> Vec<Finding> {
        let path = index(path, "{}");
        let extra = |value: Value| with(whole, "one more", value);
        match rest {
            Rest::Kept(reads) => {
                let mut found = self.relate(values, reads, &path);
                self.inside(&mut found, true, extra);
                found
            }
            Rest::Ignored => vec![self.finding(Kind::Unread, &path, Effect::Mute, values, r)],
            Rest::Refused => {
                let witness = self.simplest(values).and_then(extra);
                vec![self.finding(Kind::UnknownField, &path, Effect::Some(witness), values, r)]
            }
        }
    }

    pub(super) fn struct_to_map(&mut self, written: &Struct, w: Id, value: Id, path: &str) -> Vec<Finding> {
        let whole = self.simplest(w);
        let mut found = Vec::new();
        for (name, field) in &written.fields {
            let mut inner = self.relate(field.shape, value, &join(path, name));
            self.inside(&mut inner, !field.required, |value| with(whole.as_ref(), name, value));
            found.extend(inner);
        }
        if let Rest::Kept(values) = written.rest {
            found.extend(self.relate(values, value, &index(path, "{}")));
        }
        found
    }

    pub(super) fn map_to_struct(&mut self, value: Id, (w, r): (Id, Id), read: &Struct, path: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        for (name, field) in &read.fields {
            let path = join(path, name);
            let mut inner = self.relate(value, field.shape, &path);
            self.inside(&mut inner, true, |value| Some(json!({ name.as_str(): value })));
            found.extend(inner);
            if field.required {
                found.push(self.finding(Kind::MayBeMissing, &path, Effect::Some(Some(json!({}))), w, field.shape));
            }
        }
        match read.rest {
            Rest::Refused => {
                let witness = self.simplest(value).map(|value| json!({ "one more": value }));
                found.push(self.finding(Kind::UnknownField, &index(path, "{}"), Effect::Some(witness), w, r));
            }
            Rest::Ignored => found.push(self.finding(Kind::Unread, &index(path, "{}"), Effect::Mute, w, r)),
            Rest::Kept(reads) => {
                let mut inner = self.relate(value, reads, &index(path, "{}"));
                self.inside(&mut inner, true, |value| Some(json!({ "one more": value })));
                found.extend(inner);
            }
        }
        found
    }

    pub(super) fn sequences(&mut self, w: Id, r: Id, path: &str) -> Option<Vec<Finding>> {
        let (written, read) = (self.w.get(w), self.r.get(r));
        Some(match (written, read) {
            (Shape::List { item, unique }, Shape::List { item: reads, unique: reads_set }) => {
                let mut found = self.relate(*item, *reads, &index(path, "[]"));
                self.inside(&mut found, true, |value| Some(json!([value])));
                if !unique && *reads_set {
                    found.push(self.finding(Kind::Unique, path, Effect::Mute, w, r));
                } else if unique != reads_set {
                    found.push(self.finding(Kind::Unique, path, Effect::Fine, w, r));
                }
                found
            }
            (Shape::List { item, .. }, Shape::Array { item: reads, length }) => {
                let mut found = self.relate(*item, *reads, &index(path, "[]"));
                self.inside(&mut found, true, |value| Some(json!([value])));
                let witness = match (length, self.simplest(*item)) {
                    (0, Some(value)) => json!([value]),
                    _ => json!([]),
                };
                found.push(self.finding(Kind::Length, path, Effect::Some(Some(witness)), w, r));
                found
            }
            (Shape::List { item, .. }, Shape::Tuple(items)) => {
                let empty = items.is_empty();
                let witness = if empty { self.simplest(*item).map(|value| json!([value])) } else { Some(json!([])) };
                let fits = items.iter().all(|reads| {
                    self.relate(*item, *reads, path).iter().all(|finding| !matches!(finding.effect, Effect::Fails(_)))
                });
                let effect = if fits { Effect::Some(witness) } else { Effect::Fails(witness) };
                vec![self.finding(Kind::Length, path, effect, w, r)]
            }
            (Shape::Array { item, length }, Shape::List { item: reads, .. }) => {
                let mut found = self.relate(*item, *reads, &index(path, "[]"));
                self.inside_array(&mut found, *item, *length);
                found
            }
            (Shape::Array { item, length }, Shape::Array { item: reads, length: reads_length }) => {
                if length == reads_length {
                    let mut found = self.relate(*item, *reads, &index(path, "[]"));
                    self.inside_array(&mut found, *item, *length);
                    found
                } else {
                    vec![self.finding(Kind::Length, path, Effect::Fails(self.simplest(w)), w, r)]
                }
            }
            (Shape::Array { length, .. }, Shape::Tuple(items)) if *length != items.len() as u64 => {
                vec![self.finding(Kind::Length, path, Effect::Fails(self.simplest(w)), w, r)]
            }
            (Shape::Tuple(items), Shape::Array { length, .. }) if *length != items.len() as u64 => {
                vec![self.finding(Kind::Length, path, Effect::Fails(self.simplest(w)), w, r)]
            }
            (Shape::Tuple(items), Shape::Tuple(reads)) if items.len() != reads.len() => {
                vec![self.finding(Kind::Length, path, Effect::Fails(self.simplest(w)), w, r)]
            }
            (Shape::Array { item, .. }, Shape::Tuple(reads)) => {
                let items = vec![*item; reads.len()];
                self.items(&items, reads, w, path)
            }
            (Shape::Tuple(items), Shape::Array { item: reads, .. } | Shape::List { item: reads, .. }) => {
                let reads = vec![*reads; items.len()];
                self.items(items, &reads, w, path)
            }
            (Shape::Tuple(items), Shape::Tuple(reads)) => self.items(items, reads, w, path),
            _ => return None,
        })
    }

    fn items(&mut self, items: &[Id], reads: &[Id], w: Id, path: &str) -> Vec<Finding> {
        let whole = self.simplest(w);
        let mut found = Vec::new();
        for (position, (item, reads)) in items.iter().zip(reads).enumerate() {
            let mut inner = self.relate(*item, *reads, &index(path, &format!("[{position}]")));
            self.inside(&mut inner, false, |value| {
                let mut whole = whole.clone()?;
                *whole.as_array_mut()?.get_mut(position)? = value;
                Some(whole)
            });
            found.extend(inner);
        }
        found
    }

    fn inside_array(&mut self, found: &mut [Finding], item: Id, length: u64) {
        let other = self.simplest(item);
        self.inside(found, length == 0, |value| {
            let rest = usize::try_from(length).ok()?.checked_sub(1).filter(|rest| *rest < 256)?;
            let mut items = vec![other.clone()?; rest];
            items.insert(0, value);
            Some(Value::Array(items))
        });
    }
}

/// The value with one field changed.
fn with(whole: Option<&Value>, name: &str, value: Value) -> Option<Value> {
    let mut fields: Map<String, Value> = whole?.as_object()?.clone();
    fields.insert(name.to_owned(), value);
    Some(Value::Object(fields))
}

fn without(mut whole: Value, name: &str) -> Value {
    if let Some(fields) = whole.as_object_mut() {
        fields.remove(name);
    }
    whole
}
