//! Fakes made of closures.

use lightbus::testing::TestBus;
use serde_json::{Value, json};

use crate::company::{SupportApi, WarrantyApi, WarrantyClient, WarrantyError, failure, start_support};

#[lightbus::api(name = "company.parts")]
trait Parts {
    async fn reserve(&self, #[serde(rename = "caseNumber")] case: String, #[serde(default)] count: u32) -> u32;
}

#[tokio::test]
async fn a_fake_answers_with_values_and_errors() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    let mut calls = 0;
    bus.fake::<WarrantyApi>()
        .on("check", |serial: String, year: u16| match serial.as_str() {
            "SN-1" => Ok(year + 2),
            _ => Err(WarrantyError::UnknownProduct { serial }),
        })
        .on("registered", move || {
            calls += 1;
            calls as u64
        })
        .await?;

    let warranty = WarrantyClient::new(bus.tester());
    assert_eq!(warranty.check("SN-1", 2026).await.unwrap(), 2028);
    let refused = warranty.check("SN-2", 2026).await.unwrap_err().into_method_error().unwrap();
    assert_eq!(refused, WarrantyError::UnknownProduct { serial: "SN-2".to_owned() });
    assert_eq!((warranty.registered().await.unwrap(), warranty.registered().await.unwrap()), (1, 2));
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn arguments_with_attributes_come_in_one_value() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.fake::<PartsApi>()
        .on("reserve", |arguments: Value| {
            assert_eq!(arguments, json!({"caseNumber": "C-1", "count": 3}));
            7_u32
        })
        .await?;
    assert_eq!(PartsClient::new(bus.tester()).reserve("C-1".to_owned(), 3).await.unwrap(), 7);
    Ok(())
}

#[tokio::test]
async fn closures_are_checked_when_they_are_given() {
    let bus = TestBus::new().await;
    assert_eq!(
        failure(|| bus.fake::<WarrantyApi>().on("register", || 1_u64)),
        "company.warranty has no method `register`. Did you mean `registered`?"
    );
    assert_eq!(
        failure(|| bus.fake::<SupportApi>().on("zzz", || 1_u64)),
        "company.support has no method `zzz`. It has open_case"
    );
    assert_eq!(
        failure(|| bus.fake::<WarrantyApi>().on("check", |_: String| Ok::<_, ()>(1))),
        "company.warranty.check has 2 arguments, (serial, year), and the closure of its fake takes 1"
    );
    assert_eq!(
        failure(|| bus.fake::<WarrantyApi>().on("check", |_: String, _: u16| 1)),
        "company.warranty.check returns a `Result`, and the closure of its fake returns no `Result`"
    );
    assert_eq!(
        failure(|| bus.fake::<WarrantyApi>().on("registered", || Ok::<_, ()>(1))),
        "company.warranty.registered returns no `Result`, and the closure of its fake returns a `Result`"
    );
}

#[tokio::test]
async fn a_method_without_an_answer_fails_the_test() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.fake::<WarrantyApi>().on("registered", || 1_u64).await?;
    let support = start_support(&bus).await?;
    let told = "support called company.warranty.check, which its fake does not answer: add `.on(\"check\", …)`";
    assert!(support.open_case("SN-1".to_owned()).await.unwrap().contains("company.warranty.check"));
    bus.expect_call::<WarrantyApi>("check");
    assert_eq!(failure(|| bus.expect_no_more()), format!("the test did not expect this:\n  {told}"));

    support.open_case("SN-1".to_owned()).await.unwrap();
    assert_eq!(failure(|| drop(bus)), told);
    Ok(())
}

#[tokio::test]
async fn arguments_of_another_type_fail_the_test() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.fake::<WarrantyApi>().on("check", |_: u32, _: u16| Ok::<_, ()>(1)).await?;
    let support = start_support(&bus).await?;
    support.open_case("SN-1".to_owned()).await.unwrap();
    let told = failure(|| drop(bus));
    assert!(told.starts_with("the fake of company.warranty.check could not answer support: "), "{told}");
    assert!(told.contains("serial"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_test_that_has_failed_fails_for_its_own_reason() -> lightbus::Result<()> {
    let bus = TestBus::new().await;
    bus.fake::<WarrantyApi>().await?;
    let support = start_support(&bus).await?;
    support.open_case("SN-1".to_owned()).await.unwrap();
    let told = failure(move || {
        let _bus = bus;
        panic!("the first reason");
    });
    assert_eq!(told, "the first reason");
    Ok(())
}
