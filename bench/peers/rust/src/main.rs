//! Lightbus and tarpc as peers of `scripts/bench-peers`: `lightbus-bench-peers PEER ROLE [NUMBER…]`.
//!
//! The roles and what they say are those of `../shared/measure.py`.
#![allow(clippy::print_stdout, reason = "this is how a peer talks to the driver")]

mod lightbus_peer;
mod measure;
mod tarpc_peer;

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let url = std::env::var("PEER_URL")?;
    match words.as_slice() {
        ["lightbus", "serve"] => lightbus_peer::serve(&url).await,
        ["lightbus", "call", in_flight, seconds] => {
            lightbus_peer::call(&url, in_flight.parse()?, seconds.parse()?).await
        }
        ["lightbus", "subscribe", events] => lightbus_peer::subscribe(&url, events.parse()?).await,
        ["lightbus", "publish", events] => lightbus_peer::publish(&url, events.parse()?).await,
        ["tarpc", "serve"] => tarpc_peer::serve(&url).await,
        ["tarpc", "call", in_flight, seconds] => tarpc_peer::call(&url, in_flight.parse()?, seconds.parse()?).await,
        _ => Err("usage: PEER_URL=… lightbus-bench-peers lightbus|tarpc serve|call|subscribe|publish [NUMBER…]".into()),
    }
}
