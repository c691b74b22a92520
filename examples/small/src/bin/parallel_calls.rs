//! Makes many calls at the same time.
//!
//! ```text
//! [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
//! 10 calls ran at the same time
//! ```

use futures_util::future::try_join_all;
use lightbus::prelude::*;
use tokio::sync::Barrier;

#[lightbus::api(name = "small.squares")]
trait Squares {
    /// Returns the square of a number.
    async fn square(&self, number: u64) -> u64;
}

/// Answers no call before ten are there.
struct Together(Barrier);

impl Squares for Together {
    async fn square(&self, number: u64) -> u64 {
        self.0.wait().await;
        number * number
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("squares").url("memory://").connect().await?;
    bus.serve(SquaresServer::new(Together(Barrier::new(10)))).concurrency(10).await?;

    let squares = SquaresClient::new(&bus);
    // A call is a future: nothing is sent before it is awaited or polled, here by `try_join_all`.
    let answers = try_join_all((0..10).map(|number| squares.square(number))).await?;
    println!("{answers:?}\n{} calls ran at the same time", answers.len());
    bus.shutdown().await;
    Ok(())
}
