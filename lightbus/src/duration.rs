//! Durations as people read and write them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Shows a duration with as much precision as a person needs: `892ms`, `1.5s`, `42s`, `2m 5s`.
pub(crate) fn shown(duration: Duration) -> Shown {
    Shown(duration)
}

/// A duration that is shown to a person.
pub(crate) struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = |unit: Duration| (self.0.as_nanos() + unit.as_nanos() / 2) / unit.as_nanos();
        let (micros, millis) = (rounded(Duration::from_micros(1)), rounded(Duration::from_millis(1)));
        let (tenths, seconds) = (rounded(Duration::from_millis(100)), rounded(Duration::from_secs(1)));
        if self.0.is_zero() {
            f.write_str("0s")
        } else if micros < 1000 {
            write!(f, "{}µs", micros.max(1))
        } else if millis < 1000 {
            write!(f, "{millis}ms")
        } else if tenths < 100 && !tenths.is_multiple_of(10) {
            write!(f, "{}.{}s", tenths / 10, tenths % 10)
        } else if seconds < 60 {
            write!(f, "{seconds}s")
        } else {
            let (large, per_large, small, per_small) = match seconds {
                ..3600 => ("m", 60, "s", 1),
                3600..86_400 => ("h", 3600, "m", 60),
                86_400.. => ("d", 86_400, "h", 3600),
            };
            // Rounded to the smaller of the two units that are shown.
            let small_units = (seconds + per_small / 2) / per_small;
            let (whole, rest) = (small_units / (per_large / per_small), small_units % (per_large / per_small));
            if rest == 0 { write!(f, "{whole}{large}") } else { write!(f, "{whole}{large} {rest}{small}") }
        }
    }
}

/// Reads a duration such as `5s`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    humantime::parse_duration(&text).map(Some).map_err(|error| {
        serde::de::Error::custom(format_args!(
            "{text:?} is not a duration ({error}). Write one such as \"5s\" or \"500ms\""
        ))
    })
}

/// Writes a duration exactly, so that [`deserialize`] reads the same one.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_with_the_precision_that_a_person_needs() {
        for (duration, expected) in [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(1), "1µs"),
            (Duration::from_micros(450), "450µs"),
            (Duration::from_nanos(892_122_458), "892ms"),
            (Duration::from_nanos(999_600_000), "1s"),
            (Duration::from_millis(1500), "1.5s"),
            (Duration::from_millis(2049), "2s"),
            (Duration::from_secs(30), "30s"),
            (Duration::from_millis(59_600), "1m"),
            (Duration::from_secs(125), "2m 5s"),
            (Duration::from_secs(3600), "1h"),
            (Duration::from_secs(3905), "1h 5m"),
            (Duration::from_secs(90_000), "1d 1h"),
            (Duration::from_secs(100 * 86_400), "100d"),
        ] {
            assert_eq!(shown(duration).to_string(), expected, "{duration:?}");
        }
        assert!(shown(Duration::MAX).to_string().contains('d'));
    }

    #[test]
    fn what_is_written_is_read_back_exactly() {
        for duration in [Duration::ZERO, Duration::from_nanos(1_892_122_458), Duration::from_secs(90_061)] {
            let text = serialize(&duration, serde_json::value::Serializer).unwrap();
            assert_eq!(deserialize(text).unwrap(), Some(duration));
        }
    }
}
