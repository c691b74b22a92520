//! The server. Each request runs in a task of its own, and a limited number of them run at a time. A request is acknowledged when
//! it starts, together with those that start with it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::acks::{Acks, ack};
use super::{CONCURRENCY, Extras, PREFETCH};
use crate::message::{Check, check, decode, encode_cover};
use crate::place::{Place, short};

struct Server {
    requests: Channel,
    replies: Channel,
    permits: Arc<Semaphore>,
    acks: Mutex<Acks>,
    extras: Extras,
    _connections: [Connection; 2],
}

/// Serves until the process ends. Requests and their acknowledgements have a connection of their own.
pub(crate) async fn serve(place: &Place, extras: Extras) -> Result<()> {
    let (consuming, publishing) = (place.connect().await?, place.connect().await?);
    let (requests, replies) = (consuming.create_channel().await?, publishing.create_channel().await?);
    requests.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer =
        requests.basic_consume(place.rpc_queue().into(), ShortString::default(), options, arguments).await?;
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let (acks, _connections) = (Mutex::default(), [consuming, publishing]);
    let server = Arc::new(Server { requests, replies, permits, acks, extras, _connections });
    tokio::spawn(async move {
        while let Some(Ok(request)) = consumer.next().await {
            deliver(&server, request);
            let mut at_once = 1;
            while at_once < usize::from(PREFETCH) / 4
                && let Some(Some(Ok(request))) = consumer.next().now_or_never()
            {
                deliver(&server, request);
                at_once += 1;
            }
            yield_now().await;
            server.acks().send(&server.requests);
        }
    });
    Ok(())
}

fn deliver(server: &Arc<Server>, request: Delivery) {
    let (server, permits) = (Arc::clone(server), Arc::clone(&server.permits));
    // A permit is available only while no request waits for one.
    if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
        server.acks().due.push(request.delivery_tag);
        tokio::spawn(async move {
            server.answer(request).await;
            drop(permit);
        });
        return;
    }
    let expiry = request.properties.expiration().as_ref().and_then(|text| text.as_str().parse().ok());
    let deadline = expiry.map(|milliseconds| Instant::now() + Duration::from_millis(milliseconds));
    server.acks().held.insert(request.delivery_tag);
    tokio::spawn(async move {
        let _permit = permits.acquire_owned().await;
        {
            let mut acks = server.acks();
            acks.held.remove(&request.delivery_tag);
            ack(&server.requests, request.delivery_tag, false);
        }
        if deadline.is_none_or(|deadline| Instant::now() < deadline) {
            server.answer(request).await;
        }
    });
}

impl Server {
    fn acks(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Delivery) {
        // An earlier server may have run it.
        let result = if request.redelivered {
            None
        } else {
            AssertUnwindSafe(run(&request.data)).catch_unwind().await.ok().and_then(Result::ok)
        };
        let properties = request.properties;
        let Some(to) = properties.reply_to().clone() else { return };
        let mut reply = BasicProperties::default();
        if let Some(id) = properties.correlation_id().clone() {
            reply = reply.with_correlation_id(id);
        }
        if self.extras.properties || result.is_none() {
            reply = reply.with_type(short(if result.is_some() { "ok" } else { "fault" })).with_app_id(short("server"));
        }
        let (options, body) = (BasicPublishOptions::default(), result.unwrap_or_default());
        let _ = self.replies.basic_publish(ShortString::default(), to, options, &body, reply).now_or_never();
    }
}

async fn run(body: &[u8]) -> Result<Vec<u8>> {
    let Check { serial, customer, note } = decode(body)?;
    encode_cover(&check(serial, customer, note))
}
