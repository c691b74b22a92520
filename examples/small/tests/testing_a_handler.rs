//! Tests a handler with the test kit, which needs no broker. Each test has a bus of its own.

use lightbus::prelude::*;
use lightbus::testing::TestBus;

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
    let bus = TestBus::new().await;
    let cinema = bus.service("cinema").connect().await?;
    cinema.serve(CinemaServer::new(Hall { bus: cinema.clone(), seats: 3.into() })).await?;

    let client = CinemaClient::new(bus.tester());
    assert_eq!(client.book(2).await?, 1);
    bus.expect_no_event::<SoldOut>();
    assert_eq!(client.book(1).await?, 0);
    bus.expect_event::<SoldOut>();
    bus.expect_no_more();
    Ok(())
}
