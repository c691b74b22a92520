//! Makes the properties of moved events fit into a frame.
//!
//! AMQP does not split properties, and the broker closes a connection that sends more than one frame of them. An event that
//! arrived fits, but Lightbus adds headers on the way to another queue.

use std::cmp::Reverse;

use lapin::BasicProperties;
use lapin::protocol::basic::gen_properties;
use lapin::types::generation::gen_field_table;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// The rest of the frame: its head and end, the class, the weight and the size of the body.
const AROUND: u64 = 8 + 2 + 2 + 8;

/// Room for the headers that the broker adds when it dead-letters the event.
const FOR_THE_BROKER: u64 = 4096;

/// Drops headers until the rest fits, the longest first and those of Lightbus last. Returns their names.
pub(crate) fn drop_excess_headers(properties: &mut BasicProperties, frame_max: u32) -> Vec<ShortString> {
    let room = u64::from(frame_max).saturating_sub(AROUND);
    let room = room - FOR_THE_BROKER.min(room / 4);
    let mut size = size_of(properties);
    if size <= room {
        return Vec::new();
    }
    let Some(mut headers) = properties.headers().clone().map(|headers| headers.inner().clone()) else {
        return Vec::new();
    };
    let mut sizes: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), size_of_entry(name, value))).collect();
    sizes.sort_by_key(|(name, size)| (name.as_str().starts_with("lightbus-"), Reverse(*size)));
    let mut left_out = Vec::new();
    for (name, entry) in sizes {
        if size <= room {
            break;
        }
        headers.remove(&name);
        left_out.push(name);
        size = size.saturating_sub(entry);
    }
    *properties = std::mem::take(properties).with_headers(headers.into());
    left_out
}

/// Returns the encoded size of properties in bytes.
pub(crate) fn size_of(properties: &BasicProperties) -> u64 {
    gen_properties(properties)(Vec::new().into()).map_or(u64::MAX, |written| written.into_inner().1)
}

fn size_of_entry(name: &ShortString, value: &AMQPValue) -> u64 {
    const LENGTH: u64 = 4;
    let mut table = FieldTable::default();
    table.insert(name.clone(), value.clone());
    gen_field_table(&table)(Vec::new().into()).map_or(0, |written| written.into_inner().1.saturating_sub(LENGTH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::amqp::message::properties::{short, text};

    const FRAME_MAX: u32 = 128 * 1024;

    fn with_headers(sizes: &[(&str, usize)]) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, size) in sizes {
            headers.insert(short(*name), text(&"x".repeat(*size)));
        }
        BasicProperties::default().with_message_id(short("0190")).with_headers(headers)
    }

    fn left_out(sizes: &[(&str, usize)]) -> Vec<String> {
        let mut properties = with_headers(sizes);
        let names = drop_excess_headers(&mut properties, FRAME_MAX);
        let left: Vec<_> = sizes.iter().filter(|(name, _)| !names.contains(&short(*name))).copied().collect();
        assert_eq!(properties, with_headers(&left));
        assert!(size_of(&properties) + AROUND + FOR_THE_BROKER <= u64::from(FRAME_MAX));
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn headers_that_fit_are_kept() {
        assert!(left_out(&[("tenant", 1), ("large", 120_000)]).is_empty());
    }

    #[test]
    fn the_longest_headers_are_dropped_first_and_the_failure_record_last() {
        assert_eq!(left_out(&[("tenant", 1), ("large", 130_000), ("lightbus-error", 4096)]), ["large"]);
        assert_eq!(left_out(&[("a", 50_000), ("b", 60_000), ("c", 70_000)]), ["c"]);
        assert_eq!(left_out(&[("a", 60_000), ("lightbus-error", 130_000)]), ["a", "lightbus-error"]);
    }

    #[test]
    fn a_failure_record_fits_into_rabbitmqs_smallest_frame() {
        let mut properties = with_headers(&[("large", 3000), ("lightbus-error", 4096), ("lightbus-process", 200)]);
        assert_eq!(drop_excess_headers(&mut properties, 8192), [short("large")]);
    }
}
