//! tarpc over TCP with bincode: what a call costs when there is no broker between, and so nothing that keeps it.

use std::error::Error;

use futures_util::{StreamExt, future};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport};

use crate::measure::{self, CUSTOMER, UNTIL};

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cover {
    ok: bool,
    until: String,
}

#[tarpc::service]
pub(crate) trait Warranty {
    async fn check(serial: String, customer: u64, note: String) -> Cover;
}

#[derive(Clone)]
struct Desk;

impl Warranty for Desk {
    async fn check(self, _: context::Context, _serial: String, _customer: u64, _note: String) -> Cover {
        Cover { ok: true, until: UNTIL.to_owned() }
    }
}

pub(crate) async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = serde_transport::tcp::listen(address, Bincode::default).await?;
    measure::ready();
    listener
        .filter_map(|connection| future::ready(connection.ok()))
        .map(BaseChannel::with_defaults)
        .for_each(|channel| async {
            let answers = channel.execute(Desk.serve()).for_each(|answer| async {
                tokio::spawn(answer);
            });
            tokio::spawn(answers);
        })
        .await;
    Ok(())
}

pub(crate) async fn call(address: &str, in_flight: usize, seconds: u64) -> Result<(), Box<dyn Error>> {
    let transport = serde_transport::tcp::connect(address, Bincode::default).await?;
    let warranty = WarrantyClient::new(client::Config::default(), transport).spawn();
    let check = move |number| {
        let warranty = warranty.clone();
        async move {
            let cover = warranty.check(context::current(), measure::serial(number), CUSTOMER, measure::note()).await?;
            Ok::<_, client::RpcError>(cover.ok && cover.until == UNTIL)
        }
    };
    measure::calls(check, in_flight, seconds).await
}
