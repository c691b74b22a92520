//! A connection to the broker. One task owns the socket, and writes everything that is queued at once.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, Bytes, BytesMut};
use lapin::uri::AMQPUri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frames::{
    Assembler, BASIC_CONSUME, BASIC_CONSUME_OK, BASIC_QOS, BASIC_QOS_OK, CHANNEL_OPEN, CHANNEL_OPEN_OK,
    CONNECTION_OPEN, CONNECTION_OPEN_OK, CONNECTION_START, CONNECTION_START_OK, CONNECTION_TUNE, CONNECTION_TUNE_OK,
    Incoming, Method, Outgoing, short_text,
};
use crate::place::Place;

/// The largest frame, as RabbitMQ proposes it.
const FRAME_MAX: u32 = 131_072;

/// A connection to the broker.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    read: BytesMut,
    assembler: Assembler,
    pub(super) outgoing: Outgoing,
}

impl Wire {
    /// Connects and logs in.
    pub(super) async fn open(place: &Place) -> Result<Self> {
        let uri: AMQPUri = place.url.parse().ok().context("the URL of the broker is none")?;
        let stream = TcpStream::connect((uri.authority.host.as_str(), uri.authority.port)).await?;
        stream.set_nodelay(true)?;
        let outgoing = Outgoing::new(FRAME_MAX as usize);
        let read = BytesMut::with_capacity(FRAME_MAX as usize);
        let mut wire = Self { stream, read, assembler: Assembler::default(), outgoing };
        wire.outgoing.bytes.extend(b"AMQP\x00\x00\x09\x01");
        wire.flush().await?;
        wire.expect(CONNECTION_START).await?;
        let login = &uri.authority.userinfo;
        wire.outgoing.method(0, CONNECTION_START_OK, &introduction(&login.username, &login.password));
        wire.flush().await?;
        let mut proposed = wire.expect(CONNECTION_TUNE).await?;
        let channel_max = proposed.try_get_u16()?;
        let mut tuned = channel_max.to_be_bytes().to_vec();
        tuned.extend(FRAME_MAX.to_be_bytes());
        // No heartbeats.
        tuned.extend([0, 0]);
        wire.outgoing.method(0, CONNECTION_TUNE_OK, &tuned);
        let mut vhost = Vec::new();
        short_text(&mut vhost, uri.vhost.as_bytes());
        vhost.extend([0, 0]);
        wire.call(0, CONNECTION_OPEN, &vhost, CONNECTION_OPEN_OK).await?;
        Ok(wire)
    }

    pub(super) async fn open_channel(&mut self, channel: u16) -> Result<()> {
        self.call(channel, CHANNEL_OPEN, &[0], CHANNEL_OPEN_OK).await
    }

    pub(super) async fn consume(&mut self, channel: u16, queue: &str, prefetch: Option<u16>) -> Result<()> {
        if let Some(prefetch) = prefetch {
            let mut limits = vec![0; 4];
            limits.extend(prefetch.to_be_bytes());
            limits.push(0);
            self.call(channel, BASIC_QOS, &limits, BASIC_QOS_OK).await?;
        }
        let mut arguments = vec![0, 0];
        short_text(&mut arguments, queue.as_bytes());
        // No tag; the second bit says that nothing is acknowledged; no further arguments.
        arguments.extend([0, if prefetch.is_none() { 0b10 } else { 0 }, 0, 0, 0, 0]);
        self.call(channel, BASIC_CONSUME, &arguments, BASIC_CONSUME_OK).await
    }

    /// Sends a method, and waits for its answer.
    pub(super) async fn call(&mut self, channel: u16, method: Method, arguments: &[u8], answer: Method) -> Result<()> {
        self.outgoing.method(channel, method, arguments);
        self.flush().await?;
        self.expect(answer).await.map(drop)
    }

    async fn expect(&mut self, expected: Method) -> Result<Bytes> {
        loop {
            while let Some(incoming) = self.next()? {
                match incoming {
                    Incoming::Method(method, arguments) if method == expected => return Ok(arguments),
                    Incoming::Method(method, arguments) => {
                        let why = String::from_utf8_lossy(&arguments);
                        bail!("the broker answered {method:?} and not {expected:?}: {why}")
                    }
                    _ => {}
                }
            }
            self.receive().await?;
        }
    }

    /// Bytes that were read already.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>> {
        self.assembler.next(&mut self.read)
    }

    /// Reads at least one byte. It may be dropped and called again.
    pub(super) async fn receive(&mut self) -> Result<()> {
        self.read.reserve(FRAME_MAX as usize / 2);
        let length = self.stream.read_buf(&mut self.read).await?;
        ensure!(length > 0, "the broker closed the connection");
        Ok(())
    }

    /// Writes all that is queued.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if !self.outgoing.bytes.is_empty() {
            self.stream.write_all(&self.outgoing.bytes).await?;
            self.outgoing.bytes.clear();
        }
        Ok(())
    }
}

fn introduction(user: &str, password: &str) -> Vec<u8> {
    // No properties of the client.
    let mut bytes = vec![0; 4];
    short_text(&mut bytes, b"PLAIN");
    let login = format!("\0{user}\0{password}");
    bytes.extend(u32::try_from(login.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(login.as_bytes());
    short_text(&mut bytes, b"en_US");
    bytes
}
