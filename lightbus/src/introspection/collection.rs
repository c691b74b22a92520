//! Takes the answers to one question. A process that lies can neither exhaust nor confuse it.

use std::collections::HashSet;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::answers::{Answer, FailedAnswer};
use crate::builtin::MAX_ANSWER;
use crate::meter::Sending;
use crate::rpc::{CompletedCall, Completion, Decode, MessageKind};
use crate::transport::{CallOutcome, control};

/// How many answers one question may have.
const MAX_ANSWERS: usize = 10_000;

/// How large all of them together may be, in bytes.
const MAX_TOTAL: usize = 64 * 1024 * 1024;

/// How many messages are looked at in all.
const MAX_MESSAGES: u64 = 50_000;

/// The longest id of a process, in bytes.
const MAX_PROCESS: usize = 255;

/// The answers to one question.
pub(super) struct Collection<T> {
    api: &'static str,
    method: &'static str,
    decode: Decode<T, std::convert::Infallible>,
    asked: Instant,
    seen: HashSet<SmolStr>,
    bytes: usize,
    pub(super) answers: Vec<Answer<T>>,
    pub(super) failures: Vec<FailedAnswer>,
    pub(super) dropped: u64,
}

impl<T> Collection<T> {
    pub(super) fn new(
        api: &'static str,
        method: &'static str,
        decode: Decode<T, std::convert::Infallible>,
        asked: Instant,
    ) -> Self {
        Self {
            api,
            method,
            decode,
            asked,
            seen: HashSet::new(),
            bytes: 0,
            answers: Vec::new(),
            failures: Vec::new(),
            dropped: 0,
        }
    }

    /// Takes a message. Returns `false` once further ones are not wanted.
    pub(super) fn add(&mut self, arrived: control::Answer) -> bool {
        let control::Answer { process, reply, arrived } = arrived;
        let size = reply.payload.bytes.len();
        let is_process = !process.is_empty() && process.len() <= MAX_PROCESS && !process.chars().any(char::is_control);
        let fits = self.seen.len() < MAX_ANSWERS && self.bytes.saturating_add(size.min(MAX_ANSWER)) <= MAX_TOTAL;
        if !is_process || !fits || !self.seen.insert(process.clone()) {
            self.dropped += 1;
            return fits && self.dropped < MAX_MESSAGES;
        }
        let completion = if size > MAX_ANSWER {
            Completion::TooLarge { what: MessageKind::Reply, size, limit: MAX_ANSWER }
        } else {
            self.bytes += size;
            Completion::Outcome(CallOutcome::Reply(reply))
        };
        let round_trip = arrived.saturating_duration_since(self.asked);
        let ended = CompletedCall {
            api: self.api,
            method: self.method,
            timeout: round_trip,
            completion,
            sending: Sending::uncounted(),
        };
        let process = process.to_string();
        match ended.into_result(&self.decode) {
            Ok(value) => self.answers.push(Answer { process, round_trip, value }),
            Err(error) => self.failures.push(FailedAnswer { process, error }),
        }
        true
    }

    /// Whether the process has answered, readably or not.
    pub(super) fn has(&self, process: &str) -> bool {
        self.seen.contains(process)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::builtin::Ping;
    use crate::protocol::codec;
    use crate::protocol::message::{Encoding, Payload, Reply, ReplyKind};

    fn collection() -> Collection<Ping> {
        Collection::new("lightbus.introspection", "ping", Decode { value: codec::decode, error: None }, Instant::now())
    }

    fn answer(process: &str, kind: Option<ReplyKind>, payload: Payload) -> control::Answer {
        let reply = Reply { kind, server: "desk".into(), payload };
        control::Answer { process: process.into(), reply, arrived: Instant::now() }
    }

    fn pong(process: &str) -> control::Answer {
        let ping = Ping { process: process.to_owned(), ..Ping::default() };
        answer(process, Some(ReplyKind::Ok), codec::encode(Encoding::MessagePack, &ping).unwrap())
    }

    fn raw(process: &str, bytes: &[u8]) -> control::Answer {
        let payload = Payload { encoding: Encoding::MessagePack, bytes: Bytes::copy_from_slice(bytes) };
        answer(process, Some(ReplyKind::Ok), payload)
    }

    #[test]
    fn each_process_answers_once() {
        let mut collection = collection();
        for process in ["a", "b", "a", "a"] {
            assert!(collection.add(pong(process)));
        }
        assert_eq!((collection.answers.len(), collection.dropped), (2, 2));
        assert!(collection.has("a") && !collection.has("c"));
    }

    #[test]
    fn answers_that_do_not_say_whose_they_are_are_dropped() {
        let mut collection = collection();
        for process in ["", "a\nb", &"x".repeat(256)] {
            assert!(collection.add(pong(process)));
        }
        assert_eq!((collection.answers.len(), collection.dropped), (0, 3));
    }

    #[test]
    fn garbage_is_reported_with_its_process() {
        let mut collection = collection();
        collection.add(raw("a", b"\xc1"));
        collection.add(raw("b", &[0x91; 1000]));
        collection.add(raw("c", &vec![0; MAX_ANSWER + 1]));
        collection.add(answer("d", None, Payload::default()));
        collection.add(answer("e", Some(ReplyKind::Error), Payload::default()));
        collection.add(answer("f", Some(ReplyKind::Fault), Payload::default()));
        let failed: Vec<_> = collection.failures.iter().map(|failure| &*failure.process).collect();
        assert_eq!(failed, ["a", "b", "c", "d", "e", "f"]);
        assert!(collection.answers.is_empty());
        assert!(collection.failures[2].error.to_string().contains("65537"), "{}", collection.failures[2].error);
    }

    #[test]
    fn unknown_fields_are_ignored_and_missing_ones_have_defaults() {
        let mut collection = collection();
        let newer = codec::encode(Encoding::MessagePack, &serde_json::json!({"process": "a", "mood": "good"})).unwrap();
        collection.add(answer("a", Some(ReplyKind::Ok), newer));
        assert_eq!(collection.answers[0].value, Ping { process: "a".to_owned(), ..Ping::default() });
    }

    #[test]
    fn a_flood_ends_the_question() {
        let mut collection = collection();
        let taken = (0..=MAX_ANSWERS).take_while(|number| collection.add(raw(&format!("p{number}"), b"\xc0"))).count();
        assert_eq!((taken, collection.failures.len()), (MAX_ANSWERS, MAX_ANSWERS));
        let mut repeated = self::collection();
        assert!(repeated.add(pong("a")));
        let taken = (0..).take_while(|_| repeated.add(pong("a"))).count() as u64;
        assert_eq!((taken + 1, repeated.answers.len()), (MAX_MESSAGES, 1));
    }
}
