//! One connection to the broker.
//!
//! The TCP connection and TLS are made here, not in lapin. Errors then tell which of the two failed, each has a time limit,
//! IPv6 addresses work as hosts, and a socket that has gone silent can be shut, which ends lapin's thread.

pub(crate) mod address;
pub(crate) mod availability;
mod frame_reader;
mod lapin_log;
pub(crate) mod lifeline;
pub(crate) mod probe;
mod sanitize;
mod shared_channel;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod wake_queue;
pub(crate) mod watchdog;

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_rs::Tokio;
use futures_util::Stream;
use lapin::auth::AuthProvider;
use lapin::tcp::AsyncTcpStream;
use lapin::types::{LongString, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, ConnectionProperties, ErrorKind, Event};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::runtime::sync::lock;
use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::connection::frame_reader::FrameReader;
use crate::transport::amqp::connection::lapin_log::LapinLog;
use crate::transport::amqp::connection::shared_channel::SharedChannel;
use crate::transport::amqp::connection::wake_queue::{WakeQueue, WakingStream};
use crate::transport::amqp::errors::{ConnectFailure, OPERATION_TIMEOUT, OperationError, bounded};
use crate::transport::amqp::message::properties::short;

/// The heartbeat in seconds. A peer that is silent for twice as long counts as dead.
const HEARTBEAT: u16 = 10;

/// How long closing a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

const SUCCESS: u16 = 200;

/// How connections are secured.
#[derive(Clone)]
pub(crate) enum Security {
    Plain,
    #[cfg(feature = "tls")]
    Tls(lapin::tcp::RustlsConnector),
}

/// What a process connects as.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) security: Security,
    /// The process, as the broker's operators see it.
    pub(crate) process: String,
}

/// One connection to the broker. Dropping it shuts its socket.
#[derive(Debug)]
pub(crate) struct Connection {
    connection: lapin::Connection,
    socket: Socket,
    /// Something has arrived since the last call of [`was_heard`](Self::was_heard).
    heard: AtomicBool,
    wakes: Arc<WakeQueue>,
    shared: SharedChannel,
}

impl Connection {
    /// Connects, within `limit`. `name` is what the broker's operators see.
    pub(crate) async fn open(
        address: &Address,
        security: &Security,
        name: String,
        limit: Duration,
    ) -> Result<Self, ConnectFailure> {
        let deadline = Instant::now() + limit;
        let silent = |_| ConnectFailure::Silent(limit);
        let tokio = Tokio::current();

        let host = (address.host.as_str(), address.port);
        let found = timeout_at(deadline, tokio::net::lookup_host(host)).await.map_err(silent)?;
        let addresses: Vec<_> = found.map_err(ConnectFailure::Unresolved)?.collect();
        let stream = timeout_at(deadline, AsyncTcpStream::connect(&tokio, addresses)).await.map_err(silent)?;
        let stream = stream.map_err(ConnectFailure::Unreachable)?;
        let socket = match &stream {
            AsyncTcpStream::Plain(stream) => duplicate(stream.get_ref()).map(Socket),
            _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
        };
        let socket = socket.map_err(ConnectFailure::Unreachable)?;
        let stream = match security {
            Security::Plain => stream,
            #[cfg(feature = "tls")]
            Security::Tls(connector) => timeout_at(deadline, stream.into_rustls(connector, &address.host))
                .await
                .map_err(silent)?
                .map_err(ConnectFailure::Tls)?,
        };

        let wakes = Arc::<WakeQueue>::default();
        let stream = Mutex::new(Some(AsyncTcpStream::Plain(FrameReader::new(stream, Arc::clone(&wakes)))));
        let log = LapinLog::wanted();
        let connect = async move |_, _| {
            // This runs on lapin's own thread.
            log.apply_to_thread();
            // Lapin's own recovery is off, so that it asks once.
            lock(&stream).take().ok_or_else(|| lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected)))
        };
        let connection = lapin::Connection::connector(
            uri(address),
            frame_reader::runtime(log),
            connect,
            introduction(address, name),
        );
        let connection = timeout_at(deadline, connection).await.map_err(silent)?;
        Ok(Self {
            connection: connection.map_err(ConnectFailure::Unwelcome)?,
            socket,
            heard: AtomicBool::new(true),
            wakes,
            shared: SharedChannel::default(),
        })
    }

    /// Reports what happens to the connection.
    pub(crate) fn events(&self) -> impl Stream<Item = Event> + Send + Unpin + 'static {
        Box::pin(self.connection.events_listener())
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker has blocked the connection: it reads nothing, as during an alarm.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// How long a frame may be, as agreed with the broker.
    pub(crate) fn frame_max(&self) -> u32 {
        self.connection.configuration().frame_max()
    }

    /// Notes that something has arrived.
    pub(crate) fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether something has arrived since the last call.
    pub(crate) fn was_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// Whether something has arrived that lapin has not read yet.
    pub(crate) fn has_unread(&self) -> bool {
        self.socket.has_unread()
    }

    /// How often lapin has written so far.
    pub(crate) fn writes(&self) -> u64 {
        self.wakes.writes()
    }

    /// Wraps a stream that lapin's thread feeds.
    pub(crate) fn waking<S: Stream + Unpin>(&self, stream: S) -> WakingStream<S> {
        WakingStream::new(stream, &self.wakes)
    }

    /// Wakes the tasks that wait for such streams.
    pub(crate) fn wake(&self) {
        self.wakes.end();
    }

    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// If the connection is lost, or the broker allows no further channel.
    pub(crate) async fn channel(&self) -> Result<Channel, OperationError> {
        match bounded(self.connection.create_channel()).await {
            Err(OperationError::Lapin(error)) if matches!(error.kind(), ErrorKind::ChannelsLimitReached) => {
                Err(OperationError::ChannelLimit(self.connection.configuration().channel_max()))
            }
            opened => opened,
        }
    }

    /// Performs an operation that the broker may refuse, on a channel that nothing else uses meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the operation, and if no channel can be opened or the connection is blocked.
    pub(crate) async fn perform<T, F>(&self, operate: impl FnOnce(Channel) -> F) -> Result<T, OperationError>
    where
        F: Future<Output = Result<T, OperationError>>,
    {
        self.shared.perform(self, operate).await
    }

    /// Closes the connection within [`CLOSE_TIMEOUT`], and shuts the socket in any case.
    pub(crate) async fn close(&self) {
        let goodbye = self.connection.close(SUCCESS, short("the process is done with it"));
        // It fails on a connection that is lost already.
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        self.socket.shut();
    }
}

/// Opens the channels that a new connection needs.
pub(crate) async fn set_up<T>(opening: impl Future<Output = Result<T, OperationError>>) -> Result<T, ConnectFailure> {
    let opened = timeout(OPERATION_TIMEOUT, opening).await.unwrap_or(Err(OperationError::Silent));
    opened.map_err(|failure| ConnectFailure::Setup(failure.into_error("open its channels".to_owned())))
}

/// Closes a channel that was opened for one purpose. A broken one is closed already.
pub(crate) async fn release(channel: Channel) {
    if channel.status().connected() {
        // Nothing depends on it: the rest of the channel goes with its connection.
        let _ = timeout(CLOSE_TIMEOUT, channel.close(SUCCESS, ShortString::default())).await;
    }
}

/// Where lapin believes to connect to. Lapin traces it, so it contains no password.
fn uri(address: &Address) -> AMQPUri {
    AMQPUri {
        scheme: if address.tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username: address.user.clone(), password: String::new() },
            host: address.host.clone(),
            port: address.port,
        },
        vhost: address.vhost.clone(),
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
    }
}

fn introduction(address: &Address, name: String) -> ConnectionProperties {
    ConnectionProperties::default()
        .with_connection_name(name.into())
        .with_client_property(short("product"), "Lightbus".into())
        .with_client_property(short("version"), env!("CARGO_PKG_VERSION").into())
        .with_auth_provider(Credentials { user: address.user.clone(), password: address.password.clone() })
}

struct Credentials {
    user: String,
    password: String,
}

impl AuthProvider for Credentials {
    fn mechanism(&self) -> ShortString {
        short("PLAIN")
    }

    fn auth_starter(&self) -> Result<LongString, String> {
        Ok(format!("\0{}\0{}", self.user, self.password).into())
    }
}

/// A second handle of a connection's socket.
#[derive(Debug)]
struct Socket(std::net::TcpStream);

impl Socket {
    /// Whether there is something to read. The handles share their mode, so this never blocks.
    fn has_unread(&self) -> bool {
        self.0.peek(&mut [0]).is_ok_and(|unread| unread > 0)
    }

    fn shut(&self) {
        // It fails on a socket that is shut already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shut();
    }
}

#[cfg(unix)]
fn duplicate(stream: &TcpStream) -> io::Result<std::net::TcpStream> {
    use std::os::fd::AsFd;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn duplicate(stream: &TcpStream) -> io::Result<std::net::TcpStream> {
    use std::os::windows::io::AsSocket;
    Ok(stream.as_socket().try_clone_to_owned()?.into())
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "Tls",
        })
    }
}
