//! Tests a handler on a bus in memory, which needs no broker. Each test has its own bus.

use lightbus::prelude::*;
use tokio::sync::mpsc;

#[lightbus::api(name = "small.cinema")]
trait Cinema {
    /// Books a number of seats, and returns how many are left.
    async fn book(&self, seats: u32) -> u32;

    /// The last seat was booked.
    #[event]
    fn sold_out();
}

struct Hall {
    bus: Bus,
    seats: std::sync::atomic::AtomicU32,
}

impl Cinema for Hall {
    async fn book(&self, seats: u32) -> u32 {
        let left = self.seats.fetch_sub(seats, std::sync::atomic::Ordering::Relaxed) - seats;
        if left == 0 {
            let _ = self.bus.publish(SoldOut {}).await;
        }
        left
    }
}

#[tokio::test]
async fn the_last_seat_is_announced() -> lightbus::Result<()> {
    let bus = Bus::service("cinema").url("memory://").connect().await?;
    bus.serve(CinemaServer::new(Hall { bus: bus.clone(), seats: 3.into() })).await?;
    let (sender, mut announced) = mpsc::unbounded_channel();
    bus.subscribe("test", move |event: SoldOut| std::future::ready(sender.send(event))).await?;

    let cinema = CinemaClient::new(&bus);
    assert_eq!(cinema.book(2).await?, 1);
    assert!(announced.try_recv().is_err());
    assert_eq!(cinema.book(1).await?, 0);
    assert!(announced.recv().await.is_some());
    bus.shutdown().await;
    Ok(())
}
