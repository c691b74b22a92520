//! The timeout of a method.

use std::fmt;
use std::time::Duration;

use syn::LitStr;

use crate::errors::Errors;

/// Why a text is not a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    NotADuration,
    Zero,
    TooLong,
}

/// `"250ms"`, `"2s"` or `"1m"`.
pub(super) fn parse(literal: &LitStr, errors: &mut Errors) -> Option<Duration> {
    let text = literal.value();
    match milliseconds(&text) {
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(problem) => {
            errors.refuse(literal, format_args!("{text:?} {problem}"), problem.help());
            None
        }
    }
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
    match milliseconds {
        Some(0) => Err(Problem::Zero),
        // What is left of it travels as the expiration of a message, which the broker holds in 32 bits.
        Some(milliseconds) if milliseconds <= u64::from(u32::MAX) => Ok(milliseconds),
        _ => Err(Problem::TooLong),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotADuration => "is not a duration",
            Self::Zero => "would end every call before it is made",
            Self::TooLong => "is too long for a timeout",
        })
    }
}

impl Problem {
    const fn help(self) -> &'static str {
        match self {
            Self::NotADuration => {
                "write a whole number and its unit, `ms`, `s` or `m`: `\"250ms\"`, `\"2s\"`, `\"1m\"`"
            }
            Self::Zero => "write one that a call can keep, or leave `timeout` out for the default of the bus",
            Self::TooLong => "write one of at most 49 days, `\"70560m\"`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_whole_number_and_its_unit() {
        for (text, expected) in [
            ("1ms", Ok(1)),
            ("2s", Ok(2_000)),
            ("70560m", Ok(4_233_600_000)),
            ("", Err(Problem::NotADuration)),
            ("2", Err(Problem::NotADuration)),
            ("s", Err(Problem::NotADuration)),
            ("2 s", Err(Problem::NotADuration)),
            ("+2s", Err(Problem::NotADuration)),
            ("2h", Err(Problem::NotADuration)),
            ("٢s", Err(Problem::NotADuration)),
            ("0m", Err(Problem::Zero)),
            ("4294967295ms", Ok(4_294_967_295)),
            ("4294967296ms", Err(Problem::TooLong)),
            ("18446744073709551616ms", Err(Problem::TooLong)),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
