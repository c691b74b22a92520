//! Faults that a test asks for.

use lightbus::RecentIds;
use lightbus::prelude::*;
use lightbus::testing::TestBus;
use serde_json::json;

use crate::company::{
    CoverStarted, ProductSold, WarrantyApi, WarrantyClient, failure, sold, start_support, start_warranty,
};

#[tokio::test]
async fn repeated_events_arrive_twice() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_warranty(&bus).await?;
    let support = bus.service("support").connect().await?;
    let (sender, mut ids) = tokio::sync::mpsc::unbounded_channel();
    support
        .subscribe("audit", move |_: CoverStarted, context: Context| {
            sender.send(context.message_id().to_owned()).unwrap();
            std::future::ready(())
        })
        .await?;
    bus.publish(sold("SN-1")).await?;
    bus.settled().await;
    bus.expect_event::<CoverStarted>();
    assert!(ids.try_recv().is_ok() && ids.try_recv().is_err());

    bus.repeat_events();
    bus.publish(sold("SN-2")).await?;
    bus.settled().await;
    // Warranty does not know repeats, so it publishes twice, and each of these arrives twice.
    bus.expect_event::<CoverStarted>();
    bus.expect_event::<CoverStarted>();
    bus.expect_no_more();
    let mut ids: Vec<String> = std::iter::from_fn(|| ids.try_recv().ok()).collect();
    assert_eq!(ids.len(), 4);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_handler_that_drops_repeats_passes() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.repeat_events();
    let warranty = bus.service("warranty").connect().await?;
    warranty.own_api::<WarrantyApi>();
    let publisher = warranty.clone();
    warranty
        .subscribe("start-cover", move |sold: ProductSold| {
            publisher.publish(CoverStarted { serial: sold.serial, until: 2028 })
        })
        .dedupe(RecentIds::new(10))
        .await?;
    bus.publish(sold("SN-1")).await?;
    bus.settled().await;
    bus.expect_event::<CoverStarted>();
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_leaves_the_outcome_unknown() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let (sender, mut ran) = tokio::sync::mpsc::unbounded_channel();
    bus.fake::<WarrantyApi>()
        .on("registered", || 7_u64)
        .on("check", move |serial: String, year: u16| {
            sender.send(serial).unwrap();
            Ok::<_, ()>(year)
        })
        .await?;
    bus.lose_reply::<WarrantyApi>("check");
    let warranty = WarrantyClient::new(bus.tester());
    assert_eq!(warranty.registered().await.unwrap(), 7);
    let lost = warranty.check("SN-1", 2026).await.unwrap_err();
    assert!(matches!(lost, CallError::OutcomeUnknown { .. }), "{lost}");
    assert_eq!(ran.try_recv().unwrap(), "SN-1");
    assert_eq!(warranty.check("SN-1", 2026).await.unwrap(), 2026);

    bus.lose_reply::<WarrantyApi>("check");
    let support = start_support(&bus).await?;
    support.open_case("SN-1".to_owned()).await.unwrap();
    let call = bus.expect_call_with::<WarrantyApi>("check", json!({"serial": "SN-1"}));
    assert!(call.to_string().ends_with("→ a lost call"), "{call}");
    assert_eq!(
        failure(|| bus.lose_reply::<WarrantyApi>("chekc")),
        "company.warranty has no method `chekc`. Did you mean `check`?"
    );
    Ok(())
}
