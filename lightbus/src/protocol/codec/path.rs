//! Finds the path of a value in a body, after a failure and without types.

use std::fmt::Write;

use super::reader::{Head, Reader};
use super::{MAX_DEPTH, MAX_PATH};
use crate::protocol::text::truncate;

/// Where a value is in a body.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Such as `parts[3].serial`. Empty for the body as a whole.
    pub(super) path: String,
    /// How many values and keys begin before it.
    pub(super) index: usize,
}

/// A container that has begun before the value and has not ended.
struct Frame<'b> {
    is_map: bool,
    /// How many elements, or keys and values, it has.
    length: u64,
    /// How many of them have ended.
    done: u64,
    key: Head<'b>,
}

/// The place of the value that starts at that offset. A key of a map is at the path of the map.
///
/// It reads each byte at most once and stops at the limits of depth and length, so it costs no more than decoding did.
pub(super) fn place(body: &[u8], offset: usize) -> Place {
    let mut reader = Reader::new(body, 0);
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut index = 0;
    while reader.at() < offset {
        let Ok(head) = reader.head() else { break };
        index += 1;
        let length = match head {
            Head::Array(length) => u64::from(length),
            Head::Map(length) => 2 * u64::from(length),
            _ => 0,
        };
        if length > 0 {
            if frames.len() == MAX_DEPTH {
                break;
            }
            frames.push(Frame { is_map: matches!(head, Head::Map(_)), length, done: 0, key: Head::Nil });
            continue;
        }
        let mut ended = head;
        while let Some(frame) = frames.last_mut() {
            frame.done += 1;
            frame.key = ended;
            if frame.done < frame.length {
                break;
            }
            frames.pop();
            ended = Head::Nil;
        }
    }
    Place { path: path(&frames), index }
}

fn path(frames: &[Frame<'_>]) -> String {
    let mut path = String::new();
    for frame in frames {
        if path.len() > MAX_PATH {
            break;
        }
        if !frame.is_map {
            let _ = write!(path, "[{}]", frame.done);
        } else if frame.done % 2 == 1 {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key(&frame.key));
        }
    }
    path.truncate(truncate(&path, MAX_PATH).len());
    path
}

fn key(head: &Head<'_>) -> String {
    match head {
        Head::Text(text) => String::from_utf8_lossy(&text[..text.len().min(MAX_PATH)]).into_owned(),
        Head::Uint(number) => number.to_string(),
        Head::Int(number) => number.to_string(),
        _ => "?".to_owned(),
    }
}
