//! Makes frames safe for lapin's parser.
//!
//! RabbitMQ passes on text that is not UTF-8, and tables nested as deep as a frame has room for. The former makes lapin's parser
//! end the connection. The latter overflows the stack of its thread, which ends the process. After a reconnect the same
//! message arrives again. So both are replaced before lapin reads them, without changing any length.

/// How deeply tables and arrays in headers may be nested. RabbitMQ's own headers need three levels.
pub(crate) const MAX_NESTING: u32 = 16;

/// Replaces each byte that is not text.
const REPLACEMENT: u8 = b'?';

/// The type, the channel and the size.
pub(crate) const HEAD: usize = 7;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// The flag of the property that holds headers.
const HEADERS: u16 = 13;

const BASIC: u16 = 60;
const RETURN: u16 = 50;
const DELIVER: u16 = 60;
const GET_OK: u16 = 71;

/// How to treat a frame, according to its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// It may contain data of peers. The length is that of the whole frame.
    Inspect(usize),
    /// It contains nothing that is parsed. The length is that of the whole frame.
    Pass(usize),
    /// It is not a frame of AMQP 0-9-1, and neither is anything after it.
    Foreign,
}

impl Frame {
    pub(crate) fn of(head: [u8; HEAD]) -> Self {
        let [kind, _, _, size @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(size)).ok().and_then(|size| size.checked_add(HEAD + 1));
        match (kind, length) {
            (METHOD | HEADER, Some(length)) => Self::Inspect(length),
            (BODY | HEARTBEAT, Some(length)) => Self::Pass(length),
            _ => Self::Foreign,
        }
    }
}

/// Makes a whole frame safe for the parser. Returns `true` if anything was changed.
pub(crate) fn sanitize(frame: &mut [u8]) -> bool {
    let kind = frame.first().copied();
    let mut cursor = Cursor { bytes: frame, at: HEAD, changed: false };
    // Lapin refuses frames that end early.
    let _ = match kind {
        Some(METHOD) => cursor.method(),
        Some(HEADER) => cursor.properties(),
        _ => None,
    };
    cursor.changed
}

/// Walks through a frame. `None` means that the frame ends too early.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    at: usize,
    changed: bool,
}

impl Cursor<'_> {
    fn method(&mut self) -> Option<()> {
        let (class, method) = (self.short_int()?, self.short_int()?);
        if class != BASIC {
            return Some(());
        }
        match method {
            DELIVER => {
                self.short_string()?;
                self.skip(9)?;
            }
            GET_OK => self.skip(9)?,
            RETURN => {
                self.skip(2)?;
                self.short_string()?;
            }
            _ => return Some(()),
        }
        // The exchange and the routing key.
        self.short_string()?;
        self.short_string()
    }

    fn properties(&mut self) -> Option<()> {
        // The class, the weight and the size of the body.
        self.skip(2 + 2 + 8)?;
        let flags = self.short_int()?;
        // Nearly all properties are like that, and this check is faster than a walk.
        if flags >> HEADERS & 1 == 0 && self.bytes.get(self.at..self.bytes.len() - 1)?.is_ascii() {
            return Some(());
        }
        for bit in (2..16).rev().filter(|bit| flags >> bit & 1 == 1) {
            match bit {
                HEADERS => self.entries(MAX_NESTING, true)?,
                // The delivery mode and the priority.
                11 | 12 => self.skip(1)?,
                // The timestamp.
                6 => self.skip(8)?,
                _ => self.short_string()?,
            }
        }
        Some(())
    }

    /// Walks through the values of a table, each of which has a name, or of an array.
    fn entries(&mut self, nesting: u32, named: bool) -> Option<()> {
        let length = self.long_int()?;
        let end = self.at.checked_add(length)?;
        while self.at < end {
            if named {
                self.short_string()?;
            }
            self.value(nesting)?;
        }
        Some(())
    }

    fn value(&mut self, nesting: u32) -> Option<()> {
        let kind = self.bytes.get_mut(self.at)?;
        if nesting == 0 && matches!(kind, b'F' | b'A') {
            // A byte array differs only in its type.
            *kind = b'x';
            self.changed = true;
        }
        let kind = *kind;
        self.skip(1)?;
        match kind {
            b'V' => Some(()),
            b't' | b'b' | b'B' => self.skip(1),
            b's' | b'u' | b'U' => self.skip(2),
            b'I' | b'i' | b'f' => self.skip(4),
            b'D' => self.skip(5),
            b'l' | b'L' | b'd' | b'T' => self.skip(8),
            b'S' | b'x' => {
                let length = self.long_int()?;
                self.skip(length)
            }
            b'F' => self.entries(nesting - 1, true),
            b'A' => self.entries(nesting - 1, false),
            _ => None,
        }
    }

    fn short_string(&mut self) -> Option<()> {
        let start = self.at + 1;
        let end = start + usize::from(*self.bytes.get(self.at)?);
        let mut text = self.bytes.get_mut(start..end)?;
        self.at = end;
        // Nearly all text is ASCII, and that check is faster than the one for UTF-8.
        if text.is_ascii() {
            return Some(());
        }
        while let Err(error) = std::str::from_utf8(text) {
            self.changed = true;
            let (_, rest) = text.split_at_mut(error.valid_up_to());
            let bad = error.error_len().unwrap_or(rest.len());
            let (bad, rest) = rest.split_at_mut(bad);
            bad.fill(REPLACEMENT);
            text = rest;
        }
        Some(())
    }

    fn short_int(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn long_int(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take()?)).ok()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.at..)?.first_chunk().copied()?;
        self.at += N;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|&at| at <= self.bytes.len())?;
        Some(())
    }
}

#[cfg(test)]
#[path = "sanitize_tests.rs"]
pub(crate) mod tests;
