//! A kit for the tests of applications. Feature `testing`, in `[dev-dependencies]` only.
//!
//! [`TestBus`] is a bus in memory for one test. Services join it as they join any other bus. It records the calls and the
//! events of the services, and asserts on them:
//!
//! ```
//! use lightbus::prelude::*;
//! use lightbus::testing::TestBus;
//!
//! # #[lightbus::api(name = "company.sales")]
//! # pub trait Sales {
//! #     #[event]
//! #     fn product_sold(serial: String);
//! # }
//! # #[lightbus::api(name = "company.parts")]
//! # pub trait Parts {
//! #     async fn stock(&self, part: &str) -> u32;
//! # }
//! # #[lightbus::api(name = "company.support")]
//! # pub trait Support {
//! #     #[event]
//! #     fn part_missing(serial: String, part: String);
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> lightbus::Result<()> {
//! let bus = TestBus::new().await;
//! bus.fake::<PartsApi>().on("stock", |_part: String| 0_u32).await?;
//!
//! // The service under test.
//! let support = bus.service("support").connect().await?;
//! support.own_api::<SupportApi>();
//! let (service, parts) = (support.clone(), PartsClient::new(&support));
//! support
//!     .subscribe("check-stock", move |sold: ProductSold| {
//!         let (service, parts) = (service.clone(), parts.clone());
//!         async move {
//!             if parts.stock("P-0101").await? == 0 {
//!                 service.publish(PartMissing { serial: sold.serial, part: "P-0101".to_owned() }).await?;
//!             }
//!             Ok::<_, HandlerError>(())
//!         }
//!     })
//!     .await?;
//!
//! bus.publish(ProductSold { serial: "SN-0042".to_owned() }).await?;
//! bus.settled().await;
//!
//! bus.expect_call::<PartsApi>("stock");
//! let missing = bus.expect_event::<PartMissing>();
//! assert_eq!(missing.serial, "SN-0042");
//! bus.expect_no_more();
//! # Ok(()) }
//! ```
//!
//! Assertions panic, and the message shows what was recorded. Each `expect_…` takes one record that no other assertion has
//! taken, the oldest first, so a second call of the same assertion expects a second event.

mod assertions;
mod difference;
mod fake;
mod fake_answer;
mod faults;
mod ledger;
mod record;
mod recording;
mod settling;
mod test_bus;

pub use self::fake::Fake;
pub use self::fake_answer::FakeAnswer;
pub use self::record::RecordedCall;
pub use self::test_bus::TestBus;
