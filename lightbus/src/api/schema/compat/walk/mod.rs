//! Follows a writer's shape and a reader's shape side by side.

mod finding;
mod structs;
mod unions;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use self::finding::index;
pub(crate) use self::finding::{Effect, Finding, Kind};
use crate::api::schema::shape::{
    Id, Integer, Key, Shape, Shapes, Tagging, Text, accepts, describe, is_within, number, sample, simplest,
};

/// How many pairs of shapes one comparison looks at.
const MAX_STEPS: usize = 10_000;

/// For how many shapes of the writer there are samples.
const MAX_SAMPLES: usize = 1_000;

/// How many findings one comparison of two types has.
const MAX_FINDINGS: usize = 500;

/// How many times a witness is put into the value around it.
const MAX_WRAPS: usize = 2_000;

/// How deeply shapes are followed.
const MAX_DEPTH: usize = 100;

/// Finds every difference between what the writer writes and what the reader makes of it.
pub(crate) fn relate(written: (&Shapes, Id), read: (&Shapes, Id)) -> Vec<Finding> {
    let mut walk = Walk {
        w: written.0,
        r: read.0,
        steps: MAX_STEPS,
        wraps: MAX_WRAPS,
        depth: 0,
        open: HashSet::new(),
        clean: HashSet::new(),
        samples: RefCell::default(),
    };
    walk.relate(written.1, read.1, "")
}

pub(super) struct Walk<'s> {
    pub(super) w: &'s Shapes,
    pub(super) r: &'s Shapes,
    steps: usize,
    wraps: usize,
    depth: usize,
    /// Pairs that are being looked at: in a recursive type they are taken to be well.
    open: HashSet<(Id, Id)>,
    /// Pairs that had no findings.
    clean: HashSet<(Id, Id)>,
    /// The simplest values of the writer's shapes.
    samples: RefCell<HashMap<Id, Option<Value>>>,
}

impl Walk<'_> {
    pub(super) fn relate(&mut self, w: Id, r: Id, path: &str) -> Vec<Finding> {
        let pair = (self.w.resolve(w), self.r.resolve(r));
        if self.clean.contains(&pair) || self.open.contains(&pair) {
            return Vec::new();
        }
        if self.steps == 0 || self.depth >= MAX_DEPTH {
            return vec![self.finding(Kind::TooLarge, path, Effect::Unknown, w, r)];
        }
        self.steps -= 1;
        self.depth += 1;
        self.open.insert(pair);
        let mut found = self.shapes(w, r, path);
        self.open.remove(&pair);
        self.depth -= 1;
        if found.is_empty() {
            self.clean.insert(pair);
        }
        found.truncate(MAX_FINDINGS);
        found
    }

    /// The simplest value that the writer writes.
    pub(super) fn simplest(&self, id: Id) -> Option<Value> {
        let mut samples = self.samples.borrow_mut();
        if let Some(sample) = samples.get(&id) {
            return sample.clone();
        }
        if samples.len() == MAX_SAMPLES {
            return None;
        }
        samples.entry(id).or_insert_with(|| simplest(self.w, id)).clone()
    }

    pub(super) fn finding(&self, kind: Kind, path: &str, effect: Effect, w: Id, r: Id) -> Finding {
        let (written, read) = (describe(self.w, w), describe(self.r, r));
        Finding { kind, path: path.to_owned(), effect, written, read, shape: Some(w) }
    }

    /// Findings about a part of a value become findings about the value.
    pub(super) fn inside(&mut self, found: &mut [Finding], partly: bool, wrap: impl Fn(Value) -> Option<Value>) {
        for finding in found {
            let (fails, witness) = match &mut finding.effect {
                Effect::Some(witness) => (false, witness.take()),
                Effect::Fails(witness) => (true, witness.take()),
                _ => continue,
            };
            let witness = match self.wraps.checked_sub(1) {
                Some(left) => {
                    self.wraps = left;
                    witness.and_then(&wrap)
                }
                None => None,
            };
            finding.effect = if fails && !partly { Effect::Fails(witness) } else { Effect::Some(witness) };
        }
    }

    fn shapes(&mut self, w: Id, r: Id, path: &str) -> Vec<Finding> {
        let (ws, rs) = (self.w, self.r);
        let mut found = match (ws.get(w), rs.get(r)) {
            (Shape::Opaque(written), Shape::Opaque(read)) if written == read => Vec::new(),
            (Shape::Never, _) | (_, Shape::Any) => Vec::new(),
            (Shape::Opaque(_), _) | (_, Shape::Opaque(_)) => {
                vec![self.finding(Kind::Opaque, path, Effect::Unknown, w, r)]
            }
            (Shape::Any, _) => vec![self.anything(w, r, path)],
            (Shape::Nullable(inner), _) => self.nullable(w, *inner, r, path),
            (_, Shape::Nullable(inner)) if !matches!(ws.get(w), Shape::Null) => self.relate(w, *inner, path),
            (Shape::Union(written), Shape::Union(read))
                if written.tagging == read.tagging && written.tagging != Tagging::Untagged =>
            {
                self.named(written, read, w, path)
            }
            (Shape::Union(written), _) => self.variants(written, w, r, path),
            (_, Shape::Union(read)) if read.tagging == Tagging::Untagged => self.alternatives(w, r, read, path),
            (Shape::Text(_), Shape::Union(read)) if read.tagging == Tagging::External => {
                self.some_text(w, r, path, Kind::Type)
            }
            (Shape::Bool, Shape::Bool) | (Shape::Null, Shape::Null | Shape::Nullable(_)) => Vec::new(),
            (Shape::Integer(written), Shape::Integer(read)) => self.integers(written, read, w, r, path),
            (Shape::Integer(written), Shape::Float { single }) => {
                let exact = if *single { 1 << 24 } else { 1 << 53 };
                let exact = written.max <= exact && written.min >= -exact;
                vec![self.finding(Kind::Number, path, if exact { Effect::Fine } else { Effect::Mute }, w, r)]
            }
            (Shape::Number | Shape::Float { single: false }, Shape::Float { single: true })
            | (Shape::Number, Shape::Float { single: false }) => {
                vec![self.finding(Kind::Number, path, Effect::Mute, w, r)]
            }
            (Shape::Float { .. } | Shape::Number, Shape::Float { .. } | Shape::Number)
            | (Shape::Integer(_), Shape::Number) => Vec::new(),
            (Shape::Float { .. }, Shape::Integer(_)) => {
                vec![self.finding(Kind::Number, path, Effect::Fails(Some(json!(1.5))), w, r)]
            }
            (Shape::Number, Shape::Integer(_)) => {
                vec![self.finding(Kind::Number, path, Effect::Some(Some(json!(1.5))), w, r)]
            }
            (Shape::Choice(written), _) => self.choices(written, w, r, path),
            (Shape::Integer(_), Shape::Choice(read)) => {
                let other = (0..i128::MAX).filter_map(number).find(|number| !read.contains(number));
                vec![self.finding(Kind::Type, path, Effect::Some(other), w, r)]
            }
            (Shape::Text(written), Shape::Text(read)) => self.texts(written, read, w, r, path),
            (Shape::Struct(written), Shape::Struct(read)) => self.structs(written, read, (w, r), path),
            (Shape::Struct(written), Shape::Map { key: Key::Text, value }) => {
                self.struct_to_map(written, w, *value, path)
            }
            (Shape::Map { key: Key::Text, value }, Shape::Struct(read)) => {
                self.map_to_struct(*value, (w, r), read, path)
            }
            (Shape::Map { key: written, value }, Shape::Map { key: read, value: reads }) => {
                let mut found = self.relate(*value, *reads, &index(path, "{}"));
                let key = if *written == Key::Text { "key" } else { "7" };
                self.inside(&mut found, true, |value| Some(json!({ key: value })));
                found.extend(self.keys((*written, *read), w, r, path));
                found
            }
            _ => match self.sequences(w, r, path) {
                Some(found) => found,
                None => vec![self.mismatch(Kind::Type, w, r, path)],
            },
        };
        let (written, read) = (&ws.node(w).constraints, &rs.node(r).constraints);
        if found.is_empty() && written != read {
            let words = |constraints: &Option<String>| constraints.clone().unwrap_or_else(|| "none".to_owned());
            let (written, read) = (words(written), words(read));
            found.push(Finding {
                kind: Kind::Constraint,
                path: path.to_owned(),
                effect: Effect::Fine,
                written,
                read,
                shape: None,
            });
        }
        found
    }

    /// Shapes of different kinds: the simplest value decides.
    pub(super) fn mismatch(&mut self, kind: Kind, w: Id, r: Id, path: &str) -> Finding {
        let value = self.simplest(w);
        let effect = match value {
            Some(value) if accepts(self.r, r, &value) => Effect::Some(self.refused_sample(w, r)),
            value => Effect::Fails(value),
        };
        self.finding(kind, path, effect, w, r)
    }

    /// A value of the writer that the reader refuses.
    fn refused_sample(&self, w: Id, r: Id) -> Option<Value> {
        (1..16usize).find_map(|seed| {
            let mut count = seed;
            let mut pick = |_, _| {
                count = count.wrapping_mul(31).wrapping_add(seed);
                count >> 3
            };
            sample(self.w, w, &mut pick).filter(|value| !accepts(self.r, r, value))
        })
    }

    fn anything(&self, w: Id, r: Id, path: &str) -> Finding {
        let values = [json!(null), json!("text"), json!(7), json!({}), json!([])];
        let refused = values.into_iter().find(|value| !accepts(self.r, r, value));
        self.finding(Kind::Type, path, Effect::Some(refused), w, r)
    }

    fn nullable(&mut self, w: Id, inner: Id, r: Id, path: &str) -> Vec<Finding> {
        let reads = if let Shape::Nullable(reads) = self.r.get(r) { *reads } else { r };
        let mut found = self.relate(inner, reads, path);
        if accepts(self.r, r, &Value::Null) {
            self.inside(&mut found, true, Some);
        } else if found.iter().any(|finding| matches!(finding.effect, Effect::Fails(_))) {
            // Null fails as well, which is no news.
        } else {
            found.push(self.finding(Kind::Null, path, Effect::Some(Some(Value::Null)), w, r));
        }
        found
    }

    fn integers(&self, written: &Integer, read: &Integer, w: Id, r: Id, path: &str) -> Vec<Finding> {
        let within = |value: &i128| is_within(written, *value);
        let mut beyond = [read.max.saturating_add(1), read.min.saturating_sub(1), 0].into_iter().filter(within);
        let refused = beyond.find(|value| !is_within(read, *value));
        let Some(refused) = refused else { return Vec::new() };
        let witness = number(refused);
        let apart = written.max < read.min || written.min > read.max;
        let effect = if apart { Effect::Fails(witness) } else { Effect::Some(witness) };
        vec![self.finding(Kind::Range, path, effect, w, r)]
    }

    fn choices(&self, written: &[Value], w: Id, r: Id, path: &str) -> Vec<Finding> {
        let refused: Vec<&Value> = written.iter().filter(|value| !accepts(self.r, r, value)).collect();
        let Some(first) = refused.first().map(|value| (*value).clone()) else { return Vec::new() };
        let all = refused.len() == written.len();
        let effect = if all { Effect::Fails(Some(first)) } else { Effect::Some(Some(first)) };
        vec![self.finding(Kind::Type, path, effect, w, r)]
    }

    fn texts(&self, written: &Text, read: &Text, w: Id, r: Id, path: &str) -> Vec<Finding> {
        match (written, read) {
            (written, read) if written == read => Vec::new(),
            (_, Text::Free) => Vec::new(),
            (Text::Format(written), Text::Format(read)) if read == "ip" && written.starts_with("ipv") => Vec::new(),
            (Text::Free, _) => self.some_text(w, r, path, Kind::Text),
            (Text::Format(written), Text::Format(_)) if written == "ip" => {
                vec![self.finding(Kind::Text, path, Effect::Some(Some(json!("2001:db8::1"))), w, r)]
            }
            _ => vec![self.finding(Kind::Text, path, Effect::Fails(self.simplest(w)), w, r)],
        }
    }

    /// Some texts are not what the reader parses.
    fn some_text(&self, w: Id, r: Id, path: &str, kind: Kind) -> Vec<Finding> {
        let own = self.simplest(w).filter(|_| !matches!(self.w.get(w), Shape::Text(Text::Free)));
        let texts = own.into_iter().chain(["none of them", "neither", ""].map(Value::from));
        let refused = texts.into_iter().find(|text| !accepts(self.r, r, text));
        let has_units = match self.r.get(r) {
            Shape::Union(read) => read.other.is_some() || read.variants.iter().any(|variant| variant.unit),
            _ => true,
        };
        let takes_all = match self.r.get(r) {
            Shape::Union(read) => read.other.is_some(),
            _ => false,
        };
        let effect = match (has_units, takes_all) {
            (false, _) => Effect::Fails(refused),
            (true, true) => Effect::Mute,
            (true, false) => Effect::Some(refused),
        };
        vec![self.finding(kind, path, effect, w, r)]
    }

    fn keys(&self, (written, read): (Key, Key), w: Id, r: Id, path: &str) -> Vec<Finding> {
        let witness = match (written, read) {
            (Key::Text, Key::Integer { .. }) => "key",
            (Key::Integer { signed: true }, Key::Integer { signed: false }) => "-7",
            _ => return Vec::new(),
        };
        let value = match self.w.get(w) {
            Shape::Map { value, .. } => self.simplest(*value),
            _ => None,
        };
        let witness = value.map(|value| json!({ witness: value }));
        vec![self.finding(Kind::Key, path, Effect::Some(witness), w, r)]
    }
}
