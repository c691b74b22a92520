//! Messages that no peer should send, the same ones for the same seed.

use fastrand::Rng;

use crate::raw::{EXPIRATION, HEADERS, REPLY_TO, entry, long, short};

/// The variable that repeats a run.
const SEED: &str = "LIGHTBUS_TEST_SEED";

/// How long headers may be: RabbitMQ's frames hold 128 KiB.
const LONGEST_HEADERS: usize = 100_000;

const FLAGS: [u16; 12] =
    [1 << 15, 1 << 14, HEADERS, 1 << 12, 1 << 11, 1 << 10, REPLY_TO, EXPIRATION, 1 << 7, 1 << 6, 1 << 5, 1 << 3];

const WORDS: &[&[u8]] = &[
    b"",
    b"ok",
    b"error",
    b"fault",
    b"application/json",
    b"application/msgpack; charset=none",
    b"text/xml",
    b"company.warranty.check",
    b"company.warranty.hold",
    b"company.warranty.product_registered",
    b"company.warranty.",
    b"company.sales.check",
    b"amq.rabbitmq.reply-to.nonsense",
    b"-1",
    b"\xff\xfe",
    b"\xe2\x82",
    b"lightbus",
    b"........",
    &[b'x'; 255],
];

const NAMES: &[&[u8]] = &[
    b"traceparent",
    b"tracestate",
    b"lightbus-attempt",
    b"lightbus-reason",
    b"lightbus-error",
    b"lightbus-failed-at",
    b"lightbus-first-failed-at",
    b"x-first-death-reason",
    b"CC",
    b"\xff",
    b"",
];

/// The types of headers, by their letters.
const KINDS: &[&[u8]] = &[b"V", b"t", b"b", b"s", b"I", b"d", b"l", b"T", b"D", b"S", b"x", b"A", b"F", DEEP];

/// Not a type, but tables in tables without end.
const DEEP: &[u8] = b"deep";

const EXPIRATIONS: &[&[u8]] = &[b"abc", b"0", b"-1", b"1", b"4294967295", b"99999999999999999999", b"", b"60000"];

pub struct Garbage {
    random: Rng,
    /// A queue whose name may stand where the reply goes.
    queue: String,
    /// A body of which damaged ones are made.
    good: Vec<u8>,
}

impl Garbage {
    /// Says from which seed, to be repeated when the test fails.
    #[expect(clippy::print_stdout, reason = "cargo test shows it when the test fails")]
    pub fn of(namespace: &str, good: &[u8]) -> Self {
        let seed = std::env::var(SEED).map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("{SEED}={seed}");
        let queue = format!("{namespace}.rpc.company.warranty");
        Self { random: Rng::with_seed(seed), queue, good: good.to_vec() }
    }

    /// Properties and a body.
    pub fn message(&mut self) -> (Vec<(u16, Vec<u8>)>, Vec<u8>) {
        let some = self.random.usize(..4);
        let chosen = self.random.choose_multiple(FLAGS, some);
        let properties = chosen.into_iter().map(|flag| (flag, self.property(flag))).collect();
        (properties, self.body())
    }

    fn property(&mut self, flag: u16) -> Vec<u8> {
        match flag {
            HEADERS => self.headers(),
            // The delivery mode and the priority.
            0x1000 | 0x0800 => vec![self.random.u8(..)],
            // The timestamp.
            0x0040 => self.bytes(8),
            EXPIRATION => short(self.one_of(EXPIRATIONS)),
            REPLY_TO if self.random.bool() => short(self.queue.as_bytes()),
            _ => self.word(),
        }
    }

    fn headers(&mut self) -> Vec<u8> {
        let mut entries = Vec::new();
        for _ in 0..self.random.usize(..5) {
            let name = if self.random.bool() { short(self.one_of(NAMES)) } else { self.word() };
            let value = self.value(3);
            if entries.len() + value.len() < LONGEST_HEADERS {
                entries.extend([name, value].concat());
            }
        }
        long(&entries)
    }

    /// A value of a header, after the letter of its type.
    fn value(&mut self, nesting: u32) -> Vec<u8> {
        let kind = self.one_of(KINDS);
        let value = match kind {
            b"V" => Vec::new(),
            b"t" | b"b" => self.bytes(1),
            b"s" => self.bytes(2),
            b"I" => self.bytes(4),
            b"D" => self.bytes(5),
            b"d" | b"l" | b"T" => self.bytes(8),
            DEEP => return deep(self.one_of(b"FA")),
            b"A" if nesting > 0 => long(&[self.value(nesting - 1), self.value(nesting - 1)].concat()),
            b"F" if nesting > 0 => {
                let value = self.value(nesting - 1);
                long(&entry(b"\xffname", value[0], &value[1..]))
            }
            _ => {
                let length = self.random.usize(..200);
                long(&self.bytes(length))
            }
        };
        [kind, &value].concat()
    }

    fn body(&mut self) -> Vec<u8> {
        match self.random.u8(..10) {
            0 => Vec::new(),
            1 => self.bytes(1),
            2 => self.bytes(300 * 1024),
            3 => vec![0x91; 100_000],
            4 => vec![b'['; 100_000],
            5 => [&[0xdd, 0xff, 0xff, 0xff, 0xff], &*self.good].concat(),
            6 => {
                let length = self.random.usize(..400);
                self.bytes(length)
            }
            7 => self.good.clone(),
            _ => {
                let mut body = self.good.clone();
                let at = self.random.usize(..body.len());
                body[at] = self.random.u8(..);
                body.truncate(self.random.usize(at..=body.len()));
                body
            }
        }
    }

    fn word(&mut self) -> Vec<u8> {
        if self.random.bool() {
            return short(self.one_of(WORDS));
        }
        let length = self.random.usize(..40);
        short(&self.bytes(length))
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.random.fill(&mut bytes);
        bytes
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.usize(..choices.len())]
    }
}

/// Tables in tables (`F`), or arrays in arrays (`A`), as deep as headers have room for.
pub fn deep(kind: u8) -> Vec<u8> {
    let name: &[u8] = if kind == b'F' { &[0] } else { &[] };
    let level = 5 + name.len();
    let levels = 90_000 / level;
    let mut value = Vec::new();
    for within in (0..levels).rev() {
        let length = u32::try_from(within * level + name.len() + 1).unwrap();
        value.extend([&[kind], &length.to_be_bytes()[..], name].concat());
    }
    value.push(b'V');
    value
}
