//! A TCP relay between a process and the broker, which misbehaves as networks do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use url::Url;

use crate::broker;

/// How many bytes the relay passes on at a time.
const CHUNK: usize = 16 * 1024;

/// A TCP relay to a broker.
#[derive(Debug)]
pub struct Relay {
    url: Url,
    state: Arc<State>,
}

/// What the relay does now.
#[derive(Debug)]
struct State {
    open: watch::Sender<bool>,
    to_broker: watch::Sender<Traffic>,
    from_broker: watch::Sender<Traffic>,
    connections: AtomicUsize,
}

/// How a relay treats the bytes of one direction. By default it passes them on at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Nothing passes, and neither side notices: bytes wait in the relay.
    pub held: bool,
    /// By how much everything is delayed.
    pub delay: Duration,
    /// How long each byte takes.
    pub per_byte: Duration,
}

impl Traffic {
    /// Nothing passes.
    pub const HELD: Self = Self { held: true, delay: Duration::ZERO, per_byte: Duration::ZERO };
    /// Everything passes at once.
    pub const OPEN: Self = Self { held: false, ..Self::HELD };
}

impl Relay {
    /// Starts a relay to the node of the tests.
    pub async fn start() -> Self {
        Self::to(&broker::url()).await
    }

    /// Starts a relay to another broker.
    pub async fn to(broker: &Url) -> Self {
        Self::listening_on("127.0.0.1", broker).await
    }

    /// Starts a relay that listens on this address of the machine.
    pub async fn listening_on(host: &str, broker: &Url) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let mut url = broker.clone();
        url.set_host(Some(host)).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let target = (broker.host_str().unwrap().to_owned(), broker.port().unwrap_or(5672));
        let state = Arc::new(State {
            open: watch::Sender::new(true),
            to_broker: watch::Sender::default(),
            from_broker: watch::Sender::default(),
            connections: AtomicUsize::new(0),
        });
        tokio::spawn(accept(listener, target, state.clone()));
        Self { url, state }
    }

    /// The broker's URL, through the relay.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How many connections are open through the relay.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Ends all connections, and each new one at once, until [`restore`](Self::restore).
    pub fn cut(&self) {
        self.state.open.send_replace(false);
    }

    /// Changes how both directions are treated.
    pub fn set(&self, to_broker: Traffic, from_broker: Traffic) {
        self.state.to_broker.send_replace(to_broker);
        self.state.from_broker.send_replace(from_broker);
    }

    /// Accepts connections again and passes on everything at once.
    pub fn restore(&self) {
        self.set(Traffic::OPEN, Traffic::OPEN);
        self.state.open.send_if_modified(|open| !std::mem::replace(open, true));
    }
}

async fn accept(listener: TcpListener, target: (String, u16), state: Arc<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let (target, state) = (target.clone(), state.clone());
        tokio::spawn(async move {
            let mut open = state.open.subscribe();
            if !*open.borrow() {
                return;
            }
            let Ok(far) = TcpStream::connect(&target).await else { return };
            state.connections.fetch_add(1, Ordering::Relaxed);
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::select! {
                _ = pass_on(near_in, far_out, state.to_broker.subscribe()) => {}
                _ = pass_on(far_in, near_out, state.from_broker.subscribe()) => {}
                // The relay is open here, so the next change is a cut, even if it is restored at once.
                _ = open.changed() => {}
            }
            state.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Passes on what arrives, as the direction is treated at that moment.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        let Ok(Traffic { delay, per_byte, .. }) = traffic.wait_for(|traffic| !traffic.held).await.map(|now| *now)
        else {
            return Ok(());
        };
        sleep(delay + per_byte * u32::try_from(length).unwrap_or(u32::MAX)).await;
        to.write_all(&chunk[..length]).await?;
    }
}
