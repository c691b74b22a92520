//! Durations in attributes: `"250ms"`, `"2s"` or `"1m"`.

use std::time::Duration;

use syn::LitStr;

use crate::errors::Errors;

/// Why a text is not a duration that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    NotADuration,
    TooLong,
}

impl Problem {
    /// What is wrong with this text, and what to write instead.
    fn refuse(self, text: &str, literal: &LitStr, errors: &mut Errors) {
        let (problem, help) = match self {
            Self::NotADuration => (
                "is not a duration",
                "write a whole number and its unit, `ms`, `s` or `m`: `\"250ms\"`, `\"2s\"`, `\"1m\"`",
            ),
            Self::TooLong => ("is too long", "write at most 49 days, `\"70560m\"`"),
        };
        errors.refuse(literal, format_args!("{text:?} {problem}"), help);
    }
}

/// The timeout of a method.
pub(super) fn timeout(literal: &LitStr, errors: &mut Errors) -> Option<Duration> {
    positive(literal, "would end every call before it is made", errors)
}

/// The timeout of a handler of events.
pub(crate) fn handler_timeout(literal: &LitStr, errors: &mut Errors) -> Option<Duration> {
    positive(literal, "would end every handler before it starts", errors)
}

fn positive(literal: &LitStr, zero: &str, errors: &mut Errors) -> Option<Duration> {
    let text = literal.value();
    match milliseconds(&text) {
        Ok(0) => {
            let help = "write a longer one, or leave `timeout` out for the default of the bus";
            errors.refuse(literal, format_args!("{text:?} {zero}"), help);
            None
        }
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(problem) => {
            problem.refuse(&text, literal, errors);
            None
        }
    }
}

/// The delays before retries, separated by spaces. `"none"` is an empty list.
pub(crate) fn delays(literal: &LitStr, errors: &mut Errors) -> Option<Vec<Duration>> {
    let text = literal.value();
    if text == "none" {
        return Some(Vec::new());
    }
    let mut delays = Vec::new();
    for part in text.split_whitespace() {
        match milliseconds(part) {
            Ok(milliseconds) => delays.push(Duration::from_millis(milliseconds)),
            Err(problem) => {
                problem.refuse(part, literal, errors);
                return None;
            }
        }
    }
    if delays.is_empty() {
        let help = "write the delay before each retry, such as `\"1s 10s\"`, or `\"none\"` for no retries";
        errors.refuse(literal, "this list of delays is empty", help);
        return None;
    }
    Some(delays)
}

/// A whole number and its unit.
fn milliseconds(text: &str) -> Result<u64, Problem> {
    let unit = text.find(|found: char| !found.is_ascii_digit()).ok_or(Problem::NotADuration)?;
    let (number, unit) = text.split_at(unit);
    let each: u64 = match unit {
        _ if number.is_empty() => return Err(Problem::NotADuration),
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(Problem::NotADuration),
    };
    let milliseconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
    // It may travel as the expiration of a message, which the broker holds in 32 bits.
    milliseconds.filter(|milliseconds| *milliseconds <= u64::from(u32::MAX)).ok_or(Problem::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_its_unit() {
        for (text, expected) in [
            ("1ms", Ok(1)),
            ("2s", Ok(2_000)),
            ("70560m", Ok(4_233_600_000)),
            ("0m", Ok(0)),
            ("", Err(Problem::NotADuration)),
            ("2", Err(Problem::NotADuration)),
            ("s", Err(Problem::NotADuration)),
            ("2 s", Err(Problem::NotADuration)),
            ("+2s", Err(Problem::NotADuration)),
            ("2h", Err(Problem::NotADuration)),
            ("٢s", Err(Problem::NotADuration)),
            ("4294967295ms", Ok(4_294_967_295)),
            ("4294967296ms", Err(Problem::TooLong)),
            ("18446744073709551616ms", Err(Problem::TooLong)),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
