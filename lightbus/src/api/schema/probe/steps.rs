//! Places in a value.

use serde_json::Value;

/// A field, an entry or an element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

pub(super) fn get<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(name) => value.get(name),
        Step::Index(index) => value.get(*index),
    })
}

pub(super) fn set(whole: &Value, steps: &[Step], value: Value) -> Value {
    let mut changed = whole.clone();
    let mut place = Some(&mut changed);
    for step in steps {
        place = place.and_then(|place| match step {
            Step::Key(name) => place.get_mut(name),
            Step::Index(index) => place.get_mut(*index),
        });
    }
    if let Some(place) = place {
        *place = value;
    }
    changed
}

/// The part of a value that an error names.
pub(super) fn place(value: &Value, path: &str) -> Option<Vec<Step>> {
    let mut waiting = vec![(value, Vec::new())];
    while let Some((value, steps)) = waiting.pop() {
        if written(&steps) == path {
            return Some(steps);
        }
        let mut push = |value, step| {
            let mut steps = steps.clone();
            steps.push(step);
            waiting.push((value, steps));
        };
        match value {
            Value::Object(entries) => entries.iter().for_each(|(name, value)| push(value, Step::Key(name.clone()))),
            Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| push(item, Step::Index(at))),
            _ => {}
        }
    }
    None
}

/// As errors of the codec write a path.
fn written(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(name) if path.is_empty() => path.push_str(name),
            Step::Key(name) => path.extend([".", name]),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// As [`Names`] are keyed.
pub(super) fn names_path(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| match step {
            Step::Key(name) => format!("/{name}"),
            Step::Index(index) => format!("/{index}"),
        })
        .collect()
}
