//! The frames of AMQP 0-9-1 that calls and events need.

use anyhow::{Context, Result, ensure};
use bytes::{Buf, Bytes, BytesMut};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xce;

/// The bytes that a frame adds to its payload.
const OVERHEAD: usize = 8;

/// The class and the number of a method.
pub(super) type Method = (u16, u16);

pub(super) const CONNECTION_START: Method = (10, 10);
pub(super) const CONNECTION_START_OK: Method = (10, 11);
pub(super) const CONNECTION_TUNE: Method = (10, 30);
pub(super) const CONNECTION_TUNE_OK: Method = (10, 31);
pub(super) const CONNECTION_OPEN: Method = (10, 40);
pub(super) const CONNECTION_OPEN_OK: Method = (10, 41);
pub(super) const CHANNEL_OPEN: Method = (20, 10);
pub(super) const CHANNEL_OPEN_OK: Method = (20, 11);
pub(super) const BASIC_QOS: Method = (60, 10);
pub(super) const BASIC_QOS_OK: Method = (60, 11);
pub(super) const BASIC_CONSUME: Method = (60, 20);
pub(super) const BASIC_CONSUME_OK: Method = (60, 21);
const BASIC_PUBLISH: Method = (60, 40);
pub(super) const BASIC_DELIVER: Method = (60, 60);
pub(super) const BASIC_ACK: Method = (60, 80);
pub(super) const CONFIRM_SELECT: Method = (85, 10);
pub(super) const CONFIRM_SELECT_OK: Method = (85, 11);

/// The class of message headers.
const BASIC: u16 = 60;

// The properties of a header, in their order on the wire.
const CONTENT_TYPE: u16 = 1 << 15;
const CONTENT_ENCODING: u16 = 1 << 14;
const HEADERS: u16 = 1 << 13;
const DELIVERY_MODE: u16 = 1 << 12;
const PRIORITY: u16 = 1 << 11;
const CORRELATION_ID: u16 = 1 << 10;
const REPLY_TO: u16 = 1 << 9;

/// Frames that wait to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    /// The longest body in one frame.
    pub(super) longest: usize,
}

/// The properties that are used here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Properties<'a> {
    pub(super) is_persistent: bool,
    pub(super) correlation_id: &'a [u8],
    pub(super) reply_to: &'a [u8],
}

impl Outgoing {
    pub(super) fn new(frame_max: usize) -> Self {
        Self { bytes: Vec::with_capacity(frame_max), longest: frame_max - OVERHEAD }
    }

    /// A method, with arguments that are encoded already.
    pub(super) fn method(&mut self, channel: u16, method: Method, arguments: &[u8]) {
        self.frame(METHOD, channel, |bytes| {
            bytes.extend(method.0.to_be_bytes());
            bytes.extend(method.1.to_be_bytes());
            bytes.extend(arguments);
        });
    }

    pub(super) fn publish(
        &mut self,
        channel: u16,
        exchange: &[u8],
        key: &[u8],
        properties: Properties<'_>,
        body: &[u8],
    ) {
        self.frame(METHOD, channel, |bytes| {
            bytes.extend(BASIC_PUBLISH.0.to_be_bytes());
            bytes.extend(BASIC_PUBLISH.1.to_be_bytes());
            bytes.extend([0, 0]);
            short_text(bytes, exchange);
            short_text(bytes, key);
            bytes.push(0);
        });
        self.frame(HEADER, channel, |bytes| {
            bytes.extend(BASIC.to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend((body.len() as u64).to_be_bytes());
            properties.write(bytes);
        });
        for part in body.chunks(self.longest) {
            self.frame(BODY, channel, |bytes| bytes.extend(part));
        }
    }

    pub(super) fn ack(&mut self, channel: u16, tag: u64, multiple: bool) {
        let mut arguments = [0; 9];
        arguments[..8].copy_from_slice(&tag.to_be_bytes());
        arguments[8] = multiple.into();
        self.method(channel, BASIC_ACK, &arguments);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: impl FnOnce(&mut Vec<u8>)) {
        let bytes = &mut self.bytes;
        bytes.push(kind);
        bytes.extend(channel.to_be_bytes());
        let length_at = bytes.len();
        bytes.extend([0; 4]);
        payload(bytes);
        let length = u32::try_from(bytes.len() - length_at - 4).unwrap_or(u32::MAX);
        bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        bytes.push(END);
    }
}

impl Properties<'_> {
    fn write(self, bytes: &mut Vec<u8>) {
        let (correlation_id, reply_to) = (!self.correlation_id.is_empty(), !self.reply_to.is_empty());
        let flag = |is_there: bool, flag: u16| if is_there { flag } else { 0 };
        let flags =
            flag(self.is_persistent, DELIVERY_MODE) | flag(correlation_id, CORRELATION_ID) | flag(reply_to, REPLY_TO);
        bytes.extend(flags.to_be_bytes());
        if self.is_persistent {
            bytes.push(2);
        }
        if correlation_id {
            short_text(bytes, self.correlation_id);
        }
        if reply_to {
            short_text(bytes, self.reply_to);
        }
    }
}

/// A text of at most 255 bytes, and its length.
pub(super) fn short_text(bytes: &mut Vec<u8>, text: &[u8]) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend(&text[..length.into()]);
}

/// A frame that has arrived.
#[derive(Debug)]
pub(super) enum Incoming {
    Method(Method, Bytes),
    Message(Message),
    /// A heartbeat, or a part of a message.
    Nothing,
}

/// A message that was delivered.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) tag: u64,
    pub(super) correlation_id: Bytes,
    pub(super) reply_to: Bytes,
    pub(super) body: BytesMut,
    length: usize,
}

/// Assembles messages. Each connection here consumes on one channel only, so frames of different messages do not mix.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    unfinished: Option<Message>,
}

impl Assembler {
    /// Takes the next frame from the bytes that were read. `None` if it is incomplete.
    pub(super) fn next(&mut self, read: &mut BytesMut) -> Result<Option<Incoming>> {
        let Some(head) = read.first_chunk::<7>() else { return Ok(None) };
        let kind = head[0];
        let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
        if read.len() < length + OVERHEAD {
            return Ok(None);
        }
        let mut frame = read.split_to(length + OVERHEAD).freeze();
        ensure!(frame[length + 7] == END, "a frame does not end where it says");
        frame.advance(7);
        frame.truncate(length);
        match kind {
            METHOD => {
                let method = (frame.get_u16(), frame.get_u16());
                if method != BASIC_DELIVER {
                    return Ok(Some(Incoming::Method(method, frame)));
                }
                take_short(&mut frame)?;
                self.unfinished = Some(Message { tag: frame.try_get_u64()?, ..Message::default() });
            }
            HEADER => {
                let message = self.unfinished.as_mut().context("a header came without a delivery")?;
                message.read_header(frame)?;
            }
            BODY => {
                let message = self.unfinished.as_mut().context("a body came without a delivery")?;
                message.read_body(frame);
            }
            _ => {}
        }
        let finished = self.unfinished.take_if(|message| message.body.len() == message.length && message.length > 0);
        Ok(Some(finished.map_or(Incoming::Nothing, Incoming::Message)))
    }
}

impl Message {
    fn read_header(&mut self, mut frame: Bytes) -> Result<()> {
        frame.try_get_u32()?;
        self.length = usize::try_from(frame.try_get_u64()?)?;
        let flags = frame.try_get_u16()?;
        for flag in [CONTENT_TYPE, CONTENT_ENCODING] {
            if flags & flag != 0 {
                take_short(&mut frame)?;
            }
        }
        if flags & HEADERS != 0 {
            let length = frame.try_get_u32()? as usize;
            ensure!(frame.len() >= length, "a table is cut off");
            frame.advance(length);
        }
        for flag in [DELIVERY_MODE, PRIORITY] {
            if flags & flag != 0 {
                frame.try_get_u8()?;
            }
        }
        if flags & CORRELATION_ID != 0 {
            self.correlation_id = take_short(&mut frame)?;
        }
        if flags & REPLY_TO != 0 {
            self.reply_to = take_short(&mut frame)?;
        }
        Ok(())
    }

    fn read_body(&mut self, part: Bytes) {
        if self.body.is_empty() && part.len() == self.length {
            self.body = part.into();
        } else {
            self.body.reserve(self.length - self.body.len());
            self.body.extend_from_slice(&part);
        }
    }
}

fn take_short(frame: &mut Bytes) -> Result<Bytes> {
    let length = usize::from(frame.try_get_u8()?);
    ensure!(frame.len() >= length, "a text is cut off");
    Ok(frame.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_put_together_from_its_frames() {
        let mut outgoing = Outgoing::new(64);
        let properties = Properties { is_persistent: true, correlation_id: b"17", reply_to: b"there" };
        let body = [7; 150];
        outgoing.publish(3, b"", b"queue", properties, &body);
        // A delivery differs from a publication only in its method.
        let mut read = BytesMut::from(&outgoing.bytes[frame_length(&outgoing.bytes)..]);
        let mut delivery = Outgoing::new(64);
        delivery.method(3, BASIC_DELIVER, &[1, b't', 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]);
        let mut assembler = Assembler::default();
        assembler.next(&mut BytesMut::from(&delivery.bytes[..])).unwrap();
        let mut arrived = None;
        while let Some(incoming) = assembler.next(&mut read).unwrap() {
            if let Incoming::Message(message) = incoming {
                arrived = Some(message);
            }
        }
        let message = arrived.unwrap();
        assert_eq!(message.tag, 9);
        assert_eq!((&*message.correlation_id, &*message.reply_to), (&b"17"[..], &b"there"[..]));
        assert_eq!(&message.body[..], &body[..]);
    }

    fn frame_length(bytes: &[u8]) -> usize {
        u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]) as usize + OVERHEAD
    }

    #[test]
    fn half_a_frame_waits_for_the_rest() {
        let mut outgoing = Outgoing::new(64);
        outgoing.ack(1, 5, true);
        let mut read = BytesMut::from(&outgoing.bytes[..outgoing.bytes.len() - 1]);
        let mut assembler = Assembler::default();
        assert!(assembler.next(&mut read).unwrap().is_none());
        read.extend_from_slice(&[END]);
        assert!(matches!(assembler.next(&mut read), Ok(Some(Incoming::Method(BASIC_ACK, _)))));
    }
}
