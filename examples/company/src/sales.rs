//! The sales application: sells machines and publishes each sale.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use company_apis::sales::{ProductSold, Sale, Sales, SalesError, SalesServer, ShopClosed};
use company_apis::support::SupportClient;
use company_apis::warranty::WarrantyClient;
use lightbus::prelude::*;

use crate::data::{DataError, Directory};
use crate::patience::Patience;
use crate::story::Story;
use crate::summary::{Application, SalesSummary, Summary};
use crate::sync::lock;

const NAME: &str = "sales";

struct Shop {
    bus: Bus,
    patience: Patience,
    story: Story,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sales: HashMap<String, Sale>,
    published: u64,
    closed: bool,
}

/// Starts the application in this process. It waits for `pace` between two sales.
pub(crate) async fn start(
    bus: &Bus,
    data: &Directory,
    pace: Duration,
    story: Story,
) -> Result<Arc<dyn Application>, crate::Error> {
    let orders = read(data)?;
    let shop = Arc::new(Shop {
        bus: bus.clone(),
        patience: Patience::new(NAME, story.clone()),
        story,
        state: Mutex::default(),
    });
    bus.serve(SalesServer::from_arc(Arc::clone(&shop))).await?;
    shop.story.tell(NAME, "serves company.sales");
    tokio::spawn(Arc::clone(&shop).open(orders, pace));
    Ok(shop)
}

fn read(data: &Directory) -> Result<Vec<Sale>, DataError> {
    data.read("sales.csv", |sale: &Sale, before| {
        if sale.serial.is_empty() || sale.model.is_empty() {
            Err("a sale needs a serial number and a model".to_owned())
        } else if before.iter().any(|other| other.serial == sale.serial) {
            Err(format!("{} is sold on an earlier line already", sale.serial))
        } else {
            Ok(())
        }
    })
}

impl Shop {
    async fn open(self: Arc<Self>, orders: Vec<Sale>, pace: Duration) {
        if let Err(error) = self.sell_all(orders, pace).await {
            // A shutdown between two sales is not a failure.
            if !matches!(error, lightbus::Error::Closed) {
                self.story.tell(NAME, format_args!("had to close early: {error}"));
            }
        }
    }

    async fn sell_all(&self, orders: Vec<Sale>, pace: Duration) -> lightbus::Result<()> {
        if !self.others_are_there().await? {
            return Ok(());
        }
        for sale in orders {
            self.sell(sale).await?;
            tokio::time::sleep(pace).await;
        }
        let sold = {
            let mut state = lock(&self.state);
            state.closed = true;
            state.published
        };
        self.bus.publish(ShopClosed { sold }).await?;
        self.story.tell(NAME, format_args!("closed the shop after {sold} sales"));
        Ok(())
    }

    /// Waits until the other applications are running. The broker keeps an event for every subscription that exists, and a
    /// subscription exists once its service has run. On the first day of the company, that may not have happened yet.
    ///
    /// Returns `false` if this process is asked to stop meanwhile.
    async fn others_are_there(&self) -> lightbus::Result<bool> {
        let (warranty, support) = (WarrantyClient::new(&self.bus), SupportClient::new(&self.bus));
        let (registered, decided) = (|| warranty.registered(), || support.decided());
        match tokio::try_join!(self.patience.call(registered), self.patience.call(decided)) {
            Ok(_) => Ok(true),
            Err(CallError::Closed { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn sell(&self, sale: Sale) -> lightbus::Result<()> {
        let Sale { serial, model, customer, date } = sale.clone();
        // The sale is entered first, because subscribers of the event may ask for it.
        lock(&self.state).sales.insert(serial.clone(), sale);
        self.story.step(
            NAME,
            &serial,
            "sales",
            format_args!("sold {serial} ({model}) to customer {customer} on {date}"),
        );
        self.bus.publish(ProductSold { serial, model, customer, date }).await?;
        lock(&self.state).published += 1;
        Ok(())
    }
}

impl Sales for Shop {
    async fn sale(&self, serial: &str) -> Result<Sale, SalesError> {
        let sale = lock(&self.state).sales.get(serial).cloned();
        sale.ok_or_else(|| SalesError::NeverSold { serial: serial.to_owned() })
    }
}

impl Application for Shop {
    fn summary(&self) -> Summary {
        let state = lock(&self.state);
        Summary::Sales(SalesSummary { sold: state.published, closed: state.closed })
    }
}
