//! A TCP relay between a process and the broker, on which everything happens that happens to a network.

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

/// How much is passed on at a time.
const CHUNK: usize = 16 * 1024;

/// A TCP relay to the broker. While it is cut, connections through it end, and new ones end at once.
pub struct Relay {
    url: Url,
    line: Arc<Line>,
}

/// What the relay does at the moment.
struct Line {
    works: watch::Sender<bool>,
    to_broker: watch::Sender<Way>,
    from_broker: watch::Sender<Way>,
    connections: AtomicUsize,
}

/// One of the two ways through the relay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way {
    /// Nothing passes, and nobody is told: what is sent waits.
    pub held: bool,
    /// How much later everything arrives.
    pub delay: Duration,
    /// How long a byte takes.
    pub per_byte: Duration,
}

impl Relay {
    pub async fn start() -> Self {
        Self::to(&super::broker::url()).await
    }

    /// A relay to another broker than that of most tests.
    pub async fn to(broker: &Url) -> Self {
        Self::between("127.0.0.1", broker).await
    }

    /// A relay at that address of this machine.
    pub async fn between(host: &str, broker: &Url) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let mut url = broker.clone();
        url.set_host(Some(host)).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let target = (broker.host_str().unwrap().to_owned(), broker.port().unwrap_or(5672));
        let line = Arc::new(Line {
            works: watch::Sender::new(true),
            to_broker: watch::Sender::default(),
            from_broker: watch::Sender::default(),
            connections: AtomicUsize::new(0),
        });
        tokio::spawn(accept(listener, target, line.clone()));
        Self { url, line }
    }

    /// The broker's URL, through the relay.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How many connections through it there are.
    pub fn connections(&self) -> usize {
        self.line.connections.load(Ordering::Relaxed)
    }

    pub fn cut(&self) {
        self.line.works.send_replace(false);
    }

    /// Changes both ways.
    pub fn set(&self, to_broker: Way, from_broker: Way) {
        self.line.to_broker.send_replace(to_broker);
        self.line.from_broker.send_replace(from_broker);
    }

    pub fn mend(&self) {
        self.set(Way::default(), Way::default());
        self.line.works.send_if_modified(|works| !std::mem::replace(works, true));
    }
}

async fn accept(listener: TcpListener, target: (String, u16), line: Arc<Line>) {
    while let Ok((near, _)) = listener.accept().await {
        let (target, line) = (target.clone(), line.clone());
        tokio::spawn(async move {
            let mut works = line.works.subscribe();
            if !*works.borrow() {
                return;
            }
            let Ok(far) = TcpStream::connect(&target).await else { return };
            line.connections.fetch_add(1, Ordering::Relaxed);
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::select! {
                _ = pass(near_in, far_out, line.to_broker.subscribe()) => {}
                _ = pass(far_in, near_out, line.from_broker.subscribe()) => {}
                // However soon it is mended: it works now, so the next change is a cut.
                _ = works.changed() => {}
            }
            line.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Passes on what comes, in the way that holds when it comes.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        let Ok(Way { delay, per_byte, .. }) = way.wait_for(|way| !way.held).await.map(|way| *way) else {
            return Ok(());
        };
        sleep(delay + per_byte * u32::try_from(length).unwrap_or(u32::MAX)).await;
        to.write_all(&chunk[..length]).await?;
    }
}
