//! A client that writes its frames itself, to send what no library lets anyone send.

use lightbus_test_support::broker::url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const HEADERS: u16 = 1 << 13;
pub const CORRELATION_ID: u16 = 1 << 10;
pub const REPLY_TO: u16 = 1 << 9;
pub const EXPIRATION: u16 = 1 << 8;
pub const TYPE: u16 = 1 << 5;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_END: u8 = 0xce;

/// How much of a body goes into one frame: RabbitMQ's limit is 128 KiB.
const BODY_PART: usize = 64 * 1024;

/// A channel of its own connection, in confirm mode.
pub struct RawClient(TcpStream);

impl RawClient {
    pub async fn connect() -> Self {
        let url = url();
        let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap_or(5672))).await.unwrap();
        stream.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        let mut client = Self(stream);
        client.expect(10, 10).await;
        let login = format!("\0{}\0{}", url.username(), url.password().unwrap_or_default());
        client.method(0, 10, 11, &[&long(b""), &short(b"PLAIN"), &long(login.as_bytes()), &short(b"en_US")]).await;
        let limits = client.expect(10, 30).await;
        // Its own limits, but no heartbeats.
        client.method(0, 10, 31, &[&limits[..6], &[0, 0]]).await;
        client.method(0, 10, 40, &[&short(b"/"), &short(b""), &[0]]).await;
        client.expect(10, 41).await;
        client.method(1, 20, 10, &[&short(b"")]).await;
        client.expect(20, 11).await;
        client.method(1, 85, 10, &[&[0]]).await;
        client.expect(85, 11).await;
        client
    }

    /// Publishes a message, and returns when the broker has it. `false` when the broker refuses it.
    pub async fn publish(
        &mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &[(u16, Vec<u8>)],
        body: &[u8],
    ) -> bool {
        let target = [short(exchange.as_bytes()), short(routing_key)].concat();
        self.method(1, 60, 40, &[&[0, 0], &target, &[0]]).await;
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        let header = [&[0, 60, 0, 0], &size[..], &encoded(properties)].concat();
        self.frame(HEADER, 1, &header).await;
        for part in body.chunks(BODY_PART) {
            self.frame(BODY, 1, part).await;
        }
        let (method, reason) = self.next().await;
        match method {
            (60, 80) => true,
            // The broker has closed the channel, or the connection.
            (20, 40) | (10, 50) => {
                *self = Box::pin(Self::connect()).await;
                false
            }
            _ => panic!("{method:?}: {}", String::from_utf8_lossy(&reason)),
        }
    }

    async fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[&[u8]]) {
        let payload = [&class.to_be_bytes(), &method.to_be_bytes(), &*arguments.concat()].concat();
        self.frame(METHOD, channel, &payload).await;
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[kind], &channel.to_be_bytes()[..], &size, payload, &[FRAME_END]].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    /// The arguments of the next method, which has to be this one.
    async fn expect(&mut self, class: u16, method: u16) -> Vec<u8> {
        let (next, arguments) = self.next().await;
        assert_eq!(next, (class, method), "{}", String::from_utf8_lossy(&arguments));
        arguments
    }

    /// The next method, and its arguments.
    async fn next(&mut self) -> ((u16, u16), Vec<u8>) {
        let mut head = [0; 11];
        self.0.read_exact(&mut head).await.unwrap();
        let [kind, _, _, size @ .., c, l, m, n] = head;
        assert_eq!(kind, METHOD);
        let size = usize::try_from(u32::from_be_bytes(size)).unwrap();
        let mut arguments = vec![0; size - 4 + 1];
        self.0.read_exact(&mut arguments).await.unwrap();
        arguments.pop();
        ((u16::from_be_bytes([c, l]), u16::from_be_bytes([m, n])), arguments)
    }
}

/// Properties as they are on the wire: which there are, and then each in the order of the flags.
fn encoded(properties: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut properties = properties.to_vec();
    properties.sort_by_key(|&(flag, _)| std::cmp::Reverse(flag));
    let flags: u16 = properties.iter().map(|(flag, _)| flag).sum();
    let values = properties.into_iter().flat_map(|(_, value)| value);
    flags.to_be_bytes().into_iter().chain(values).collect()
}

/// A short string, of whatever bytes.
pub fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A long string, a table or an array, of what is in it.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// An entry of a table: its name, the letter of its type, and its value.
pub fn entry(name: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [&*short(name), &[kind], value].concat()
}
