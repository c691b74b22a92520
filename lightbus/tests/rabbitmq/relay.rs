//! A TCP relay between a process and the broker that can be cut.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// A TCP relay to the broker. While it is cut, connections through it end, and new ones end at once.
pub struct Relay {
    url: Url,
    works: Arc<watch::Sender<bool>>,
}

impl Relay {
    pub async fn start() -> Self {
        let broker = super::broker::url();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = broker.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let target = (broker.host_str().unwrap().to_owned(), broker.port().unwrap_or(5672));
        let works = Arc::new(watch::Sender::new(true));
        tokio::spawn(accept(listener, target, works.clone()));
        Self { url, works }
    }

    /// The broker's URL, through the relay.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub fn cut(&self) {
        self.works.send_replace(false);
    }

    pub fn mend(&self) {
        self.works.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: (String, u16), works: Arc<watch::Sender<bool>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (target, mut works) = (target.clone(), works.subscribe());
        tokio::spawn(async move {
            if !*works.borrow() {
                return;
            }
            let Ok(mut far) = TcpStream::connect(&target).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = works.wait_for(|works| !works) => {}
            }
        });
    }
}
