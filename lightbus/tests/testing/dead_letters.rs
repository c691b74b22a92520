//! Dead letters as assertions, and retries when time is moved.

use std::time::Duration;

use lightbus::prelude::*;
use lightbus::testing::TestBus;

use crate::company::{ProductSold, failure, sold};

#[tokio::test]
async fn a_rejected_event_is_expected_as_a_dead_letter() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let warranty = bus.service("warranty").connect().await?;
    let reject =
        |sold: ProductSold| async move { Err::<(), _>(HandlerError::reject(format!("{} again", sold.serial))) };
    warranty.subscribe("start-cover", reject).await?;
    for serial in ["SN-1", "SN-2"] {
        bus.publish(sold(serial)).await?;
        bus.settled().await;
    }

    assert_eq!(bus.expect_dead_letter("warranty", "start-cover").error, "SN-1 again");
    assert_eq!(
        failure(|| bus.expect_no_more()),
        "the test did not expect this:\n  warranty has the dead letter company.sales.product_sold \
         {\"serial\":\"SN-2\",\"year\":2026} in start-cover: SN-2 again"
    );
    assert_eq!(bus.expect_dead_letter("warranty", "start-cover").error, "SN-2 again");
    bus.expect_no_more();
    let told = failure(|| bus.expect_dead_letter("warranty", "start-cover"));
    assert!(told.starts_with("warranty has no further dead letter in start-cover.\n  warranty has the dead"), "{told}");
    // They are still there.
    assert_eq!(warranty.dead_letters("start-cover").count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_letter_that_was_never_there_is_told() {
    let bus = TestBus::new().await;
    assert_eq!(
        failure(|| bus.expect_dead_letter("warranty", "start-cover")),
        "warranty has no further dead letter in start-cover. There are no dead letters."
    );
}

#[tokio::test]
async fn retries_are_made_when_time_is_moved() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let warranty = bus.service("warranty").connect().await?;
    let (sender, mut attempts) = tokio::sync::mpsc::unbounded_channel();
    warranty
        .subscribe("start-cover", move |_: ProductSold, context: Context| {
            sender.send(context.attempt()).unwrap();
            async { Err::<(), _>("the database is away") }
        })
        .await?;
    bus.publish(sold("SN-1")).await?;
    let mut made = |count| {
        let made: Vec<u32> = std::iter::from_fn(|| attempts.try_recv().ok()).collect();
        assert_eq!(made.len(), count, "{made:?}");
    };

    // One attempt, and one at once.
    bus.settled().await;
    made(2);
    bus.advance(Duration::from_millis(999)).await;
    made(0);
    bus.advance(Duration::from_millis(1)).await;
    made(1);
    // Those after 10 and after 60 seconds, one after the other.
    bus.advance(Duration::from_secs(70)).await;
    made(2);
    let letter = bus.expect_dead_letter("warranty", "start-cover");
    assert_eq!((letter.attempts, letter.error.as_str()), (5, "the database is away"));
    bus.expect_no_more();
    Ok(())
}
