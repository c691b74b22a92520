//! `lightbus` is called `messages` in `Cargo.toml`.

use std::error::Error;

use messages::Bus;

/// Parts in stock.
#[messages::api(name = "consumers.renamed", crate = messages)]
pub trait Stock {
    /// How many there are of a part.
    async fn count(&self, part: &str) -> u32;

    /// Parts were taken.
    #[event]
    fn taken(part: String);
}

mod nested {
    /// The path may be absolute.
    #[messages::api(name = "consumers.renamed.nested", crate = ::messages)]
    pub(super) trait Echo {
        /// Says the same.
        async fn say(&self, words: Vec<String>) -> Vec<String>;
    }
}

struct Service;

impl Stock for Service {
    async fn count(&self, part: &str) -> u32 {
        u32::try_from(part.len()).unwrap_or(u32::MAX)
    }
}

impl nested::Echo for Service {
    async fn say(&self, words: Vec<String>) -> Vec<String> {
        words
    }
}

#[messages::subscriber(crate = messages)]
impl Service {
    #[on]
    async fn count_taken(&self, taken: Taken) {
        drop(taken);
    }
}

/// Serves the APIs on this bus and calls them.
///
/// # Errors
///
/// When anything does not work.
pub async fn check(bus: &Bus) -> Result<(), Box<dyn Error + Send + Sync>> {
    bus.serve(StockServer::new(Service)).await?;
    bus.serve(nested::EchoServer::new(Service)).await?;
    bus.subscribe_all(ServiceSubscriber::new(Service)).await?;
    assert_eq!(StockClient::new(bus).count("filter").await?, 6);
    assert_eq!(nested::EchoClient::new(bus).say(vec!["hello".into()]).await?, ["hello"]);
    bus.publish(Taken { part: "filter".into() }).await?;
    Ok(())
}
