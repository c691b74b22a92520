//! Where two values differ.

use serde_json::Value;

/// Which members of `actual` count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    All,
    /// Only those that `expected` has.
    Expected,
}

/// Says in a line each where a value is not the expected one.
pub(super) fn differences(expected: &Value, actual: &Value, compare: Compare) -> Vec<String> {
    let mut found = Vec::new();
    walk(expected, actual, compare, &mut String::new(), &mut found);
    found
}

fn walk(expected: &Value, actual: &Value, compare: Compare, path: &mut String, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(fields)) => {
            for (name, wanted) in wanted {
                inside(path, name, |path| match fields.get(name) {
                    Some(field) => walk(wanted, field, compare, path, found),
                    None => found.push(format!("{path}: expected {wanted}, is missing")),
                });
            }
            let unwanted = fields.iter().filter(|(name, _)| compare == Compare::All && !wanted.contains_key(*name));
            for (name, field) in unwanted {
                inside(path, name, |path| found.push(format!("{path}: expected nothing, is {field}")));
            }
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            for (index, (wanted, item)) in wanted.iter().zip(items).enumerate() {
                inside(path, &index.to_string(), |path| walk(wanted, item, compare, path, found));
            }
        }
        _ if expected == actual => {}
        _ => {
            let place = if path.is_empty() { "the value" } else { path.as_str() };
            found.push(format!("{place}: expected {expected}, is {actual}"));
        }
    }
}

/// Does something with the path of a member.
fn inside(path: &mut String, member: &str, visit: impl FnOnce(&mut String)) {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(member);
    visit(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_the_place() {
        let expected = json!({"serial": "SN-1", "case": {"part": "P-1", "steps": [1, 2]}, "left": 1});
        let actual = json!({"serial": "SN-2", "case": {"part": "P-1", "steps": [1, 3]}, "urgent": true});
        assert_eq!(
            differences(&expected, &actual, Compare::All),
            [
                "case.steps.1: expected 2, is 3",
                "left: expected 1, is missing",
                "serial: expected \"SN-1\", is \"SN-2\"",
                "urgent: expected nothing, is true",
            ]
        );
        assert_eq!(differences(&json!([1]), &json!([1, 2]), Compare::All), ["the value: expected [1], is [1,2]"]);
    }

    #[test]
    fn what_is_not_expected_may_be_ignored() {
        assert!(differences(&json!({"a": 1}), &json!({"a": 1, "b": 2}), Compare::Expected).is_empty());
        assert!(differences(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1, "c": 2}}), Compare::Expected).is_empty());
    }
}
