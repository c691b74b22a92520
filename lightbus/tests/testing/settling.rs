//! Settling counts causes: nothing waits for silence.

use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use lightbus::testing::TestBus;
use tokio::sync::Notify;

use crate::company::{CoverStarted, ProductSold, failure, message, sold, start_warranty};

/// Publishes a chain of `length` events, each caused by the one before.
async fn start_chain(bus: &TestBus, length: u16) -> lightbus::Result<()> {
    let sales = bus.service("sales").connect().await?;
    sales.own_api::<crate::company::SalesApi>();
    let publisher = sales.clone();
    sales
        .subscribe("chain", move |ProductSold { serial, year }: ProductSold| {
            let publisher = publisher.clone();
            async move {
                tokio::task::yield_now().await;
                if year < length {
                    publisher.publish(ProductSold { serial, year: year + 1 }).await?;
                }
                Ok::<_, HandlerError>(())
            }
        })
        .concurrency(1)
        .await?;
    Ok(())
}

async fn a_chain_is_waited_for() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_chain(&bus, 200).await?;
    start_warranty(&bus).await?;
    for _ in 0..3 {
        bus.publish(ProductSold { serial: "SN-1".to_owned(), year: 101 }).await?;
    }
    bus.settled().await;
    for _ in 0..3 * 99 {
        bus.expect_event::<ProductSold>();
    }
    for _ in 0..3 * 100 {
        bus.expect_event::<CoverStarted>();
    }
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn everything_that_an_event_causes_is_waited_for() -> lightbus::Result<()> {
    a_chain_is_waited_for().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_that_an_event_causes_is_waited_for_on_many_threads() -> lightbus::Result<()> {
    a_chain_is_waited_for().await
}

#[tokio::test]
async fn a_hook_for_dead_letters_is_waited_for() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let sales = bus.service("sales").connect().await?;
    sales.own_api::<crate::company::SalesApi>();
    let warranty = bus
        .service("warranty")
        .on_dead_letter(move |_| {
            let sales = sales.clone();
            async move {
                tokio::task::yield_now().await;
                sales.publish(sold("SN-2")).await.unwrap();
            }
        })
        .connect()
        .await?;
    warranty
        .subscribe("start-cover", |sold: ProductSold| async move {
            if sold.serial == "SN-1" { Err(HandlerError::reject("unknown")) } else { Ok(()) }
        })
        .await?;
    bus.publish(sold("SN-1")).await?;
    bus.settled().await;
    bus.expect_event_eq(sold("SN-2"));
    Ok(())
}

#[tokio::test]
async fn questions_to_processes_do_not_count() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_warranty(&bus).await?;
    let pings = bus.tester().introspection().service("warranty").ping().await?;
    assert_eq!(pings.answers.len(), 1);
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn what_is_under_way_is_told_when_it_does_not_settle() -> lightbus::Result<()> {
    let mut bus = TestBus::new().await;
    bus.set_settle_limit(Duration::from_millis(20));
    let warranty = bus.service("warranty").connect().await?;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let given = (Arc::clone(&begun), Arc::clone(&go_on));
    warranty
        .subscribe("start-cover", move |_: ProductSold| {
            let (begun, go_on) = given.clone();
            async move {
                begun.notify_one();
                go_on.notified().await;
            }
        })
        .await?;
    bus.publish(sold("SN-1")).await?;
    begun.notified().await;
    assert_eq!(
        failure(|| bus.expect_no_more()),
        "more may come.\nSomething is still under way: `bus.settled().await` waits for its end"
    );
    assert!(failure(|| bus.expect_event::<CoverStarted>()).ends_with("`bus.settled().await` waits for its end"));
    let bus = Arc::new(bus);
    let waiting = Arc::clone(&bus);
    let told = message(tokio::spawn(async move { waiting.settled().await }).await.unwrap_err().into_panic());
    assert!(
        told.starts_with(
            "the bus of the test has not settled within 20ms. Under way are:\n  warranty handles \
             company.sales.product_sold {\"serial\":\"SN-1\",\"year\":2026} in the subscription start-cover\n"
        ),
        "{told}"
    );
    go_on.notify_one();
    bus.settled().await;
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn a_service_has_the_settings_of_its_builder() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let warranty = bus.service("warranty").call_timeout(Duration::from_secs(1)).connect().await?;
    assert_eq!(warranty.settings().call_timeout, Duration::from_secs(1));
    assert_eq!(warranty.settings().url.to_string(), "memory://");
    Ok(())
}
