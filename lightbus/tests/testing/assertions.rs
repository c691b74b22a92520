//! Assertions on calls and events, and what they say when they fail.

use lightbus::testing::TestBus;
use serde_json::json;

use crate::company::{
    CaseOpened, CoverStarted, ProductSold, WarrantyApi, failure, sold, start_support, start_warranty, started,
};

#[tokio::test]
async fn what_services_publish_is_expected_by_type_by_value_and_by_predicate() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_warranty(&bus).await?;
    for serial in ["SN-1", "SN-2", "SN-3"] {
        bus.publish(sold(serial)).await?;
    }
    bus.settled().await;

    bus.expect_event_eq(started("SN-2", 2028));
    let last = bus.expect_event_where(|cover: &CoverStarted| cover.serial == "SN-3");
    assert_eq!(last.until, 2028);
    assert_eq!(bus.expect_event::<CoverStarted>().serial, "SN-1");
    bus.expect_no_event::<CoverStarted>();
    // What the test itself publishes is not recorded.
    bus.expect_no_event::<ProductSold>();
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn calls_are_expected_by_method_and_by_arguments() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.fake::<WarrantyApi>().on("check", |_: String, year: u16| Ok::<_, ()>(year)).await?;
    let support = start_support(&bus).await?;
    for serial in ["SN-1", "SN-2"] {
        assert_eq!(support.open_case(serial.to_owned()).await.unwrap(), "covered until 2026");
    }

    let second = bus.expect_call_with::<WarrantyApi>("check", json!({"serial": "SN-2"}));
    assert_eq!((second.caller(), second.api(), second.method()), ("support", "company.warranty", "check"));
    assert_eq!(second.arguments(), &json!({"serial": "SN-2", "year": 2026}));
    let first = bus.expect_call::<WarrantyApi>("check");
    assert_eq!((first.argument::<String>("serial").as_str(), first.argument::<u16>("year")), ("SN-1", 2026));
    bus.expect_no_more();

    assert_eq!(
        failure(|| first.argument::<bool>("serial")),
        "the argument `serial` is not a bool: invalid type: string \"SN-1\", expected a boolean\n  \
         support called company.warranty.check {\"serial\":\"SN-1\",\"year\":2026} → 2026"
    );
    assert!(failure(|| first.argument::<String>("serail")).starts_with("the call has no argument `serail`: support"));
    Ok(())
}

#[tokio::test]
async fn a_missing_event_is_told_with_what_did_happen() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    assert_eq!(
        failure(|| bus.expect_event::<CaseOpened>()),
        "no service has published company.support.case_opened\nNo service has called or published anything."
    );
    start_warranty(&bus).await?;
    bus.publish(sold("SN-1")).await?;
    bus.settled().await;
    bus.expect_event::<CoverStarted>();
    assert_eq!(
        failure(|| bus.expect_event_where(|cover: &CoverStarted| cover.serial == "SN-1")),
        "no service has published company.warranty.cover_started as the test expects it\n\
         Everything that the services did, in order:\n  \
         warranty published company.warranty.cover_started {\"serial\":\"SN-1\",\"until\":2028} (already expected)"
    );
    Ok(())
}

#[tokio::test]
async fn an_event_that_differs_is_told_with_its_differences_the_nearest_first() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_warranty(&bus).await?;
    for serial in ["SN-1", "SN-2"] {
        bus.publish(sold(serial)).await?;
        bus.settled().await;
    }
    let told = failure(|| bus.expect_event_eq(started("SN-2", 2029)));
    let (told, all) = told.split_once("\nEverything").unwrap();
    assert_eq!(
        told,
        "no service has published company.warranty.cover_started {\"serial\":\"SN-2\",\"until\":2029}. The nearest:\n  \
         warranty published company.warranty.cover_started {\"serial\":\"SN-2\",\"until\":2028}\n    \
         until: expected 2029, is 2028\n  \
         warranty published company.warranty.cover_started {\"serial\":\"SN-1\",\"until\":2028}\n    \
         serial: expected \"SN-2\", is \"SN-1\"\n    \
         until: expected 2029, is 2028"
    );
    assert_eq!(all.lines().count(), 3);
    Ok(())
}

#[tokio::test]
async fn a_call_that_differs_is_told_with_its_differences() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let support = start_support(&bus).await?;
    assert!(support.open_case("SN-1".to_owned()).await.unwrap().contains("company.warranty.check"));
    assert_eq!(
        failure(|| bus.expect_call_with::<WarrantyApi>("check", json!({"serial": "SN-2"}))),
        "no service has called company.warranty.check with {\"serial\":\"SN-2\"}. The nearest:\n  \
         support called company.warranty.check {\"serial\":\"SN-1\",\"year\":2026} → nobody serves it\n    \
         serial: expected \"SN-2\", is \"SN-1\"\n\
         Everything that the services did, in order:\n  \
         support called company.warranty.check {\"serial\":\"SN-1\",\"year\":2026} → nobody serves it"
    );
    assert!(
        failure(|| bus.expect_call::<WarrantyApi>("registered"))
            .starts_with("no service has called company.warranty.registered\nEverything")
    );
    assert_eq!(
        failure(|| bus.expect_call::<WarrantyApi>("chekc")),
        "company.warranty has no method `chekc`. Did you mean `check`?"
    );
    Ok(())
}

#[tokio::test]
async fn what_was_not_expected_is_told() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    start_warranty(&bus).await?;
    let support = start_support(&bus).await?;
    support.open_case("SN-1".to_owned()).await.unwrap();
    bus.publish(sold("SN-1")).await?;
    bus.settled().await;
    assert_eq!(
        failure(|| bus.expect_no_event::<CoverStarted>()),
        "company.warranty.cover_started was published:\n  \
         warranty published company.warranty.cover_started {\"serial\":\"SN-1\",\"until\":2028}"
    );
    assert_eq!(
        failure(|| bus.expect_no_more()),
        "the test did not expect this:\n  \
         support called company.warranty.check {\"serial\":\"SN-1\",\"year\":2026} → nobody serves it\n  \
         warranty published company.warranty.cover_started {\"serial\":\"SN-1\",\"until\":2028}"
    );
    Ok(())
}
