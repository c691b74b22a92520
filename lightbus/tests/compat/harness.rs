//! Lets an old and a new version of a type talk, and compares what happens with what `compare` says of their schemas.

use std::fmt::{self, Debug};

use lightbus::codec::{DecodeError, decode, encode};
use lightbus::message::{Encoding, Payload};
use lightbus::schema::{ApiSchema, Comparison, Difference, Part, Rule, Verdict, compare};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::single::schema_of;

/// What a type of an API has to be able to do.
pub(crate) trait Data: Serialize + DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static> Data for T {}

/// A value of some type.
pub(crate) trait Message {
    fn encode(&self, encoding: Encoding) -> Option<Payload>;
    fn words(&self) -> String;
}

impl<T: Data> Message for T {
    fn encode(&self, encoding: Encoding) -> Option<Payload> {
        encode(encoding, self).ok()
    }

    fn words(&self) -> String {
        format!("{self:?}")
    }
}

/// One version of a type.
pub(crate) struct Version {
    pub(crate) schema: ApiSchema,
    pub(crate) values: Vec<Box<dyn Message>>,
    pub(crate) decode: fn(&Payload) -> Result<Box<dyn Message>, DecodeError>,
}

impl Version {
    pub(crate) fn of<T: Data>(values: Vec<T>) -> Self {
        let values = values.into_iter().map(|value| Box::new(value) as Box<dyn Message>).collect();
        Self { schema: schema_of::<T>(), values, decode: |payload| Ok(Box::new(decode::<T>(payload)?)) }
    }
}

pub(crate) struct Pair {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) rules: &'static [Rule],
    pub(crate) old: fn() -> Version,
    pub(crate) new: fn() -> Version,
}

/// What became of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Outcome {
    failed: bool,
    /// Something that was written is not in what was read.
    unread: bool,
    /// Something else was read than was written.
    changed: bool,
    /// Something was read that was not written.
    filled: bool,
}

/// What became of all values, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happened {
    Compatible,
    Mute,
    Some,
    Fails,
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compatible => "ok",
            Self::Mute => "mute",
            Self::Some => "some",
            Self::Fails => "**fails**",
        })
    }
}

impl Happened {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Compatible => Self::Compatible,
            Verdict::Mute => Self::Mute,
            Verdict::FailsForSome { .. } => Self::Some,
            _ => Self::Fails,
        }
    }

    fn from(outcomes: &[Outcome], is_mute: impl Fn(&Outcome) -> bool) -> Self {
        match outcomes.iter().filter(|outcome| outcome.failed).count() {
            0 if outcomes.iter().any(is_mute) => Self::Mute,
            0 => Self::Compatible,
            all if all == outcomes.len() => Self::Fails,
            _ => Self::Some,
        }
    }
}

fn talk(writer: &Version, reader: &Version, encoding: &Encoding) -> Vec<Outcome> {
    let encoded = |value: &dyn Message| {
        let payload = value.encode(encoding.clone())?;
        Some(outcome(value, &payload, (writer, reader)))
    };
    writer.values.iter().filter_map(|value| encoded(value.as_ref())).collect()
}

fn outcome(value: &dyn Message, payload: &Payload, (writer, reader): (&Version, &Version)) -> Outcome {
    let Ok(read) = (reader.decode)(payload) else { return Outcome { failed: true, ..Outcome::default() } };
    let mut outcome = Outcome::default();
    if value.words() == read.words() {
        return outcome;
    }
    let (written, again) = (json_of(value), json_of(read.as_ref()));
    compare_values(&written, &again, &mut outcome);
    if outcome.changed && !outcome.unread && !outcome.filled {
        // What comes back the same was not lost, as a short float in a long one.
        let back = read.encode(payload.encoding.clone()).and_then(|payload| (writer.decode)(&payload).ok());
        outcome.changed = back.is_none_or(|back| back.words() != value.words());
    }
    // The names of variants show what an untagged enum was read as.
    outcome.changed |= variant(&value.words()) != variant(&read.words());
    outcome
}

/// The name of an enum's variant, by which these tests call those of untagged enums `Is…`.
fn variant(words: &str) -> Option<&str> {
    words.starts_with("Is").then(|| words.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default())
}

fn json_of(message: &dyn Message) -> Value {
    let payload = message.encode(Encoding::Json).expect("it was encoded before");
    serde_json::from_slice(&payload.bytes).expect("it is JSON")
}

fn compare_values(written: &Value, read: &Value, outcome: &mut Outcome) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                match read.get(name) {
                    Some(read) => compare_values(value, read, outcome),
                    // What was written under the one name is read under the other.
                    None if read.iter().any(|(other, read)| !written.contains_key(other) && read == value) => {}
                    None => outcome.unread = true,
                }
            }
            let is_filled = |(name, value): (&String, &Value)| {
                let mut others = written.iter().filter(|(other, _)| !read.contains_key(*other));
                !written.contains_key(name) && !others.any(|(_, other)| other == value)
            };
            outcome.filled |= read.iter().any(is_filled);
        }
        (Value::Array(written), Value::Array(read)) => {
            outcome.changed |= written.len() != read.len();
            written.iter().zip(read).for_each(|(written, read)| compare_values(written, read, outcome));
        }
        (Value::Number(written), Value::Number(read)) => {
            let exact = |number: &serde_json::Number| number.as_i128();
            outcome.changed |= match (exact(written), exact(read)) {
                (Some(written), Some(read)) => written != read,
                (Some(integer), None) => read.as_f64().map(|float| float as i128) != Some(integer),
                _ => written.as_f64() != read.as_f64(),
            };
        }
        (written, read) => outcome.changed |= written != read,
    }
}

fn verdict(comparison: &Comparison, part: Part, side: fn(&Difference) -> &Option<Verdict>) -> Happened {
    let differences = comparison.differences.iter().filter(|difference| difference.part == part);
    let verdicts = differences.filter_map(|difference| side(difference).as_ref());
    verdicts.map(Happened::of).max().unwrap_or(Happened::Compatible)
}

/// What happened in each direction, and in each place of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) arguments_server_first: Happened,
    pub(crate) arguments_caller_first: Happened,
    pub(crate) answer_server_first: Happened,
    pub(crate) answer_caller_first: Happened,
    pub(crate) publisher_first: Happened,
    pub(crate) subscriber_first: Happened,
}

impl Pair {
    /// Lets both versions talk.
    pub(crate) fn happened(&self, encoding: &Encoding) -> Row {
        let (old, new) = ((self.old)(), (self.new)());
        let (forward, backward) = (talk(&old, &new, encoding), talk(&new, &old, encoding));
        assert!(!forward.is_empty() && !backward.is_empty(), "{}: nothing can be encoded", self.id);
        let to_new = Happened::from(&forward, |outcome| outcome.changed || outcome.unread);
        let argument = Happened::from(&backward, |outcome| outcome.changed || outcome.unread || outcome.filled);
        // Readers of answers and events are meant to ignore additions.
        let to_old = Happened::from(&backward, |outcome| outcome.changed || outcome.filled);
        Row {
            arguments_server_first: to_new,
            arguments_caller_first: argument,
            answer_server_first: to_old,
            answer_caller_first: to_new,
            publisher_first: to_old,
            subscriber_first: to_new,
        }
    }

    /// What the schemas say.
    pub(crate) fn compared(&self) -> (Row, Comparison) {
        let comparison = compare(&(self.old)().schema, &(self.new)().schema);
        let row = Row {
            arguments_server_first: verdict(&comparison, Part::Arguments, |each| &each.server_first),
            arguments_caller_first: verdict(&comparison, Part::Arguments, |each| &each.caller_first),
            answer_server_first: verdict(&comparison, Part::Answer, |each| &each.server_first),
            answer_caller_first: verdict(&comparison, Part::Answer, |each| &each.caller_first),
            publisher_first: verdict(&comparison, Part::Fields, |each| &each.publisher_first),
            subscriber_first: verdict(&comparison, Part::Fields, |each| &each.subscriber_first),
        };
        (row, comparison)
    }

    /// Everything that is not as it should be.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let (compared, comparison) = self.compared();
        let mut complaints = Vec::new();
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let happened = self.happened(&encoding);
            if happened != compared {
                complaints.push(format!("{encoding:?}: it happened {happened:#?},\nand compare says {compared:#?}"));
            }
        }
        let arguments: Vec<&Difference> =
            comparison.differences.iter().filter(|difference| difference.part == Part::Arguments).collect();
        let rules: Vec<Rule> = arguments.iter().map(|difference| difference.rule).collect();
        let sorted = |rules: &[Rule]| {
            let mut rules = rules.to_vec();
            rules.sort();
            rules
        };
        let is_readable = !rules.contains(&Rule::UnreadableByItself);
        if sorted(&rules) != sorted(self.rules) {
            complaints.push(format!("the rules are {rules:?}, not {:?}", self.rules));
        }
        let (old, new) = ((self.old)(), (self.new)());
        for difference in arguments {
            complaints.extend(witness(difference, &difference.server_first, (&old, &new), true));
            complaints.extend(witness(difference, &difference.caller_first, (&new, &old), is_readable));
        }
        if !complaints.is_empty() {
            complaints.insert(0, format!("== {} ({})\n{comparison}", self.id, self.what));
        }
        complaints
    }
}

/// A witness is a value that the writer's own version reads, and the reader refuses.
fn witness(
    difference: &Difference,
    verdict: &Option<Verdict>,
    (writer, reader): (&Version, &Version),
    is_readable: bool,
) -> Option<String> {
    let verdict = verdict.as_ref().filter(|verdict| verdict.is_breaking())?;
    let Some(witness) = verdict.witness() else {
        return Some(format!("{:?} has no witness", difference.rule));
    };
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let payload = encode(encoding, witness).expect("a witness can be encoded");
        // Of an encoder that does not do what its schema says, only the kind of values is known.
        let is_odd = writer.schema.to_json().contains("x-lightbus-writes");
        if is_readable && !is_odd && (writer.decode)(&payload).is_err() {
            return Some(format!("{:?}: the writer would never write {witness}", difference.rule));
        }
        if let Ok(read) = (reader.decode)(&payload) {
            return Some(format!("{:?}: the reader takes {witness} as {}", difference.rule, read.words()));
        }
    }
    None
}

/// Declares pairs: an id, what changes, the rules that tell of it, and both versions with some values of each.
#[macro_export]
macro_rules! pairs {
    ($($id:ident $what:literal [$($rule:ident),*] $old:tt [$($old_value:expr),* $(,)?] => $new:tt [$($new_value:expr),* $(,)?];)+) => {
        $(mod $id {
            pub(super) mod old {
                #[allow(unused_imports)]
                use $crate::imports::*;
                $crate::version!($old);
                pub(in super::super) fn version() -> Version { Version::of::<T>(vec![$($old_value),*]) }
            }
            pub(super) mod new {
                #[allow(unused_imports)]
                use $crate::imports::*;
                $crate::version!($new);
                pub(in super::super) fn version() -> Version { Version::of::<T>(vec![$($new_value),*]) }
            }
        })+

        pub(crate) fn pairs() -> Vec<$crate::harness::Pair> {
            vec![$($crate::harness::Pair {
                id: stringify!($id),
                what: $what,
                rules: &[$(lightbus::schema::Rule::$rule),*],
                old: $id::old::version,
                new: $id::new::version,
            }),+]
        }
    };
}

/// One version of a type: `(type)` or `{ items }`, among which is `T`.
#[macro_export]
macro_rules! version {
    (($type:ty)) => {
        type T = $type;
    };
    ({ $($item:item)+ }) => {
        $(#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)] $item)+
    };
}
