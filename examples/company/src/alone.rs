//! Tests each application alone, on a bus of its own, with fakes of the others.

use std::path::Path;

use chrono::NaiveDate;
use company_apis::sales::{ProductSold, Sale, SalesApi, SalesError};
use company_apis::spare_parts::{Part, PartsError, Reservation, SparePartsApi, SparePartsClient, StockLow};
use company_apis::support::{Outcome, Report, SupportClient};
use company_apis::warranty::{Cover, CoverStarted, WarrantyApi, WarrantyClient, WarrantyError};
use lightbus::testing::TestBus;
use serde_json::json;

use crate::data::Directory;
use crate::story::Story;
use crate::{spare_parts, support, warranty};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn data() -> Directory {
    Directory(Path::new(env!("CARGO_MANIFEST_DIR")).join("data"))
}

fn sold(serial: &str, date: &str) -> Result<ProductSold> {
    let (serial, model) = (serial.to_owned(), "Crema S".to_owned());
    Ok(ProductSold { serial, model, customer: 7, date: date.parse()? })
}

#[tokio::test]
async fn warranty_covers_a_machine_for_two_years() -> Result {
    let bus = TestBus::new().await;
    warranty::start(&bus.service("warranty").connect().await?, Story::new(false)).await?;
    bus.publish(sold("SN-1", "2024-02-29")?).await?;
    bus.settled().await;

    let until: NaiveDate = "2026-02-28".parse()?;
    bus.expect_event_eq(CoverStarted { serial: "SN-1".to_owned(), until });
    bus.expect_no_more();
    let warranty = WarrantyClient::new(bus.tester());
    assert_eq!(warranty.check("SN-1", until).await?.until, until);
    let refused = warranty.check("SN-1", "2026-03-01".parse()?).await.err().ok_or("it is covered")?;
    assert_eq!(refused.into_method_error()?, WarrantyError::Expired { serial: "SN-1".to_owned(), until });
    Ok(())
}

#[tokio::test]
async fn warranty_covers_a_machine_once_however_often_its_sale_arrives() -> Result {
    let bus = TestBus::new().await;
    bus.repeat_events();
    warranty::start(&bus.service("warranty").connect().await?, Story::new(false)).await?;
    bus.publish(sold("SN-1", "2024-02-29")?).await?;
    bus.settled().await;
    assert_eq!(WarrantyClient::new(bus.tester()).registered().await?, 1);
    // The process that handled the first one may have died before it published.
    assert_eq!(bus.expect_event::<CoverStarted>().serial, "SN-1");
    assert_eq!(bus.expect_event::<CoverStarted>().serial, "SN-1");
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn warranty_rejects_a_sale_beyond_the_calendar() -> Result {
    let bus = TestBus::new().await;
    warranty::start(&bus.service("warranty").connect().await?, Story::new(false)).await?;
    bus.publish(sold("SN-1", "+262142-12-01")?).await?;
    bus.settled().await;
    assert!(bus.expect_dead_letter("warranty", "start-cover").error.contains("beyond any calendar"));
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn spare_parts_announces_a_part_that_runs_low_once() -> Result {
    let bus = TestBus::new().await;
    spare_parts::start(&bus.service("spare-parts").connect().await?, &data(), Story::new(false)).await?;
    let spare_parts = SparePartsClient::new(bus.tester());
    // Three are in stock, and one is the level to order more at.
    for case in ["C-1", "C-2", "C-2", "C-3"] {
        spare_parts.reserve(case, "P-0101").await?;
    }
    let refused = spare_parts.reserve("C-4", "P-0101").await.err().ok_or("it is in stock")?;
    assert_eq!(refused.into_method_error()?, PartsError::OutOfStock { part: "P-0101".to_owned() });
    bus.expect_event_eq(StockLow { part: "P-0101".to_owned(), left: 1 });
    bus.expect_no_more();
    Ok(())
}

fn report() -> Result<Report> {
    let (number, serial, part) = ("C-1".to_owned(), "SN-1".to_owned(), "P-1".to_owned());
    Ok(Report { number, serial, part, reported: "2026-11-22".parse()? })
}

/// A store that has every part.
async fn fake_spare_parts(bus: &TestBus) -> lightbus::Result<()> {
    bus.fake::<SparePartsApi>()
        .on("find", |number: String| {
            Ok::<_, PartsError>(Part { number, name: "pump".to_owned(), price_cents: 4990, stock: 3 })
        })
        .on("reserve", |case: String, part: String| Ok::<_, PartsError>(Reservation { case, part, left: 2 }))
        .await
}

#[tokio::test]
async fn support_repairs_a_covered_machine_free_of_charge() -> Result {
    let bus = TestBus::new().await;
    let until: NaiveDate = "2027-05-01".parse()?;
    bus.fake::<WarrantyApi>()
        .on("check", move |serial: String, _: NaiveDate| {
            Ok::<_, WarrantyError>(Cover { serial, model: "Crema S".to_owned(), until })
        })
        .await?;
    fake_spare_parts(&bus).await?;
    support::start(&bus.service("support").connect().await?, &data(), Story::new(false)).await?;

    let case = SupportClient::new(bus.tester()).open_case(report()?).await?;
    assert_eq!(case.outcome, Outcome::Covered { until });
    bus.expect_call_with::<WarrantyApi>("check", json!({"serial": "SN-1", "on": "2026-11-22"}));
    bus.expect_call_with::<SparePartsApi>("find", json!({"part": "P-1"}));
    bus.expect_call_with::<SparePartsApi>("reserve", json!({"case": "C-1", "part": "P-1"}));
    bus.expect_no_more();
    Ok(())
}

#[tokio::test]
async fn support_bills_the_customer_once_the_cover_has_ended() -> Result {
    let bus = TestBus::new().await;
    bus.fake::<WarrantyApi>()
        .on("check", |serial: String, on: NaiveDate| Err::<Cover, _>(WarrantyError::Expired { serial, until: on }))
        .await?;
    bus.fake::<SalesApi>()
        .on("sale", |serial: String| {
            Ok::<_, SalesError>(Sale { serial, model: "Crema S".to_owned(), customer: 7, date: NaiveDate::MIN })
        })
        .await?;
    fake_spare_parts(&bus).await?;
    support::start(&bus.service("support").connect().await?, &data(), Story::new(false)).await?;

    let case = SupportClient::new(bus.tester()).open_case(report()?).await?;
    assert_eq!(case.outcome, Outcome::Billed { customer: 7, price_cents: 4990 });
    Ok(())
}
