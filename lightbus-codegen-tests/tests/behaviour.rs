//! What the expansion does when it runs: serves, calls, publishes and describes.

use std::error::Error;
use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lightbus::prelude::*;
use lightbus::schema::ApiSchema;
use serde_json::json;

type Outcome = Result<(), Box<dyn Error>>;

async fn bus() -> lightbus::Result<Bus> {
    Bus::service("behaviour").url("memory://").connect().await
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Part {
    number: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
enum StockError {
    #[error("there is no part {number}")]
    Unknown { number: u32 },
}

/// Parts in stock.
///
/// ```text
///   indented
/// ```
#[lightbus::api(name = "behaviour.stock")]
trait Stock {
    /// Every way to take an argument.
    async fn every_form(&self, value: u8, text: &str, list: &[Part], part: &Part, maybe: Option<u8>) -> String;

    /// A typed error.
    #[rpc(timeout = "250ms", idempotent)]
    async fn find(&self, number: u32) -> Result<Part, StockError>;

    /// `?`, `return` and coercion in a provided body.
    async fn provided(&self, number: u32) -> Result<Option<u32>, StockError> {
        let part = self.find(number).await?;
        if part.number > 100 {
            return Ok(None);
        }
        Ok(Some(part.number))
    }

    /// A provided body that never returns.
    async fn unfinished(&self) -> u8 {
        std::future::pending().await
    }

    /// The context is in the middle.
    async fn caller(&self, before: u8, #[context] ctx: &Context, after: &str) -> String;

    /// An argument that older callers do not send.
    async fn defaults(&self, #[serde(default)] count: u8, #[serde(default)] text: &str) -> String;

    /// Names on the wire.
    #[rpc(name = "kind")]
    async fn r#type(&self, #[serde(rename = "what")] part: &str, r#in: u8) -> String;

    /// Of two methods of one name, one is there.
    #[cfg(not(absent))]
    async fn conditional(&self) -> u8;

    #[cfg(absent)]
    async fn conditional(&self, number: Absent) -> Absent;

    /// No use any more.
    #[deprecated(since = "0.1.0", note = "count them")]
    async fn old(&self) -> u8;

    /// Parts were taken.
    #[event]
    #[derive(PartialEq)]
    fn taken(part: Part, #[serde(default)] count: u8, r#in: String);

    /// Another name on the wire, and another struct; the defaults of the whole.
    #[event(name = "counted", type = StockCount)]
    #[derive(PartialEq, Default)]
    #[serde(default)]
    fn stock_was_counted(#[schemars(range(max = 9))] by: u8);

    /// Nothing to say.
    #[event]
    fn emptied();

    #[cfg(absent)]
    #[event]
    fn absent(number: Absent);
}

struct Shelf;

impl Stock for Shelf {
    async fn every_form(&self, value: u8, text: &str, list: &[Part], part: &Part, maybe: Option<u8>) -> String {
        format!("{value} {text} {} {} {maybe:?}", list.len(), part.number)
    }

    async fn find(&self, number: u32) -> Result<Part, StockError> {
        if number == 0 { Err(StockError::Unknown { number }) } else { Ok(Part { number }) }
    }

    async fn caller(&self, before: u8, ctx: &Context, after: &str) -> String {
        format!("{before} {} {after}", ctx.service())
    }

    async fn defaults(&self, count: u8, text: &str) -> String {
        format!("{count}{text}")
    }

    async fn r#type(&self, part: &str, r#in: u8) -> String {
        format!("{part}{in}", r#in = r#in)
    }

    async fn conditional(&self) -> u8 {
        1
    }

    async fn old(&self) -> u8 {
        2
    }
}

/// References to types of unknown size.
#[lightbus::api(name = "behaviour.unsized_types")]
trait UnsizedTypes {
    async fn path(&self, path: &Path) -> String;

    async fn short(&self, path: &Path, c_string: &CStr) -> usize;
}

impl UnsizedTypes for Shelf {
    async fn path(&self, path: &Path) -> String {
        path.display().to_string()
    }

    async fn short(&self, path: &Path, c_string: &CStr) -> usize {
        path.components().count() + c_string.count_bytes()
    }
}

#[tokio::test]
async fn references_to_unsized_types_arrive() -> Outcome {
    let bus = bus().await?;
    bus.serve(UnsizedTypesServer::new(Shelf)).await?;
    let client = UnsizedTypesClient::new(&bus);
    assert_eq!(client.path(Path::new("a/b")).await?, "a/b");
    assert_eq!(client.short(Path::new("a/b"), c"three").await?, 7);
    Ok(())
}

#[tokio::test]
async fn calls_and_publications_can_be_spawned() -> Outcome {
    let bus = bus().await?;
    tokio::spawn(bus.serve(StockServer::new(Shelf))).await??;
    tokio::spawn(bus.subscribe("ignore", |_: Emptied| async {})).await??;
    let stock = StockClient::new(&bus);
    let call = tokio::spawn(stock.find(7).timeout(Duration::from_secs(5)));
    assert_eq!(call.await??, Part { number: 7 });
    tokio::spawn(bus.publish(Emptied {})).await??;
    Ok(())
}

/// What an older caller knows of the API.
mod older {
    #[lightbus::api(name = "behaviour.stock")]
    pub(super) trait Stock {
        async fn defaults(&self) -> String;

        async fn kind(&self, what: &str, r#in: u8) -> String;
    }
}

#[tokio::test]
async fn arguments_arrive_as_they_were_sent() -> Outcome {
    let bus = bus().await?;
    bus.serve(StockServer::new(Shelf)).await?;
    let stock = StockClient::new(&bus);
    let parts = [Part { number: 1 }, Part { number: 2 }];
    let answer = stock.every_form(1, "two", &parts, &Part { number: 4 }, Some(5)).await?;
    assert_eq!(answer, "1 two 2 4 Some(5)");
    assert_eq!(stock.caller(1, "after").await?, "1 behaviour after");
    assert_eq!(stock.r#type("a", 1).await?, "a1");
    assert_eq!(stock.conditional().await?, 1);
    #[allow(deprecated)]
    let old = stock.old().await?;
    assert_eq!(old, 2);
    Ok(())
}

#[tokio::test]
async fn older_callers_need_not_send_arguments_with_a_default() -> Outcome {
    let bus = bus().await?;
    bus.serve(StockServer::new(Shelf)).await?;
    let older = older::StockClient::new(&bus);
    assert_eq!(older.defaults().await?, "0");
    assert_eq!(older.kind("b", 2).await?, "b2");
    Ok(())
}

#[tokio::test]
async fn errors_keep_their_type() -> Outcome {
    let bus = bus().await?;
    bus.serve(StockServer::new(Shelf)).await?;
    let stock = StockClient::new(&bus);
    assert_eq!(stock.find(7).await?, Part { number: 7 });
    let error = stock.find(0).await.err().and_then(|error| error.into_method_error().ok());
    assert_eq!(error, Some(StockError::Unknown { number: 0 }));
    Ok(())
}

#[tokio::test]
async fn provided_bodies_are_served() -> Outcome {
    let bus = bus().await?;
    bus.serve(StockServer::new(Shelf)).await?;
    let stock = StockClient::new(&bus);
    assert_eq!(stock.provided(7).await?, Some(7));
    assert_eq!(stock.provided(700).await?, None);
    assert!(matches!(stock.provided(0).await, Err(CallError::Method { error: StockError::Unknown { number: 0 }, .. })));
    let unfinished = stock.unfinished().timeout(Duration::from_millis(10)).await;
    assert!(matches!(unfinished, Err(CallError::DeadlineExceeded { .. })), "{unfinished:?}");
    Ok(())
}

#[tokio::test]
async fn calls_are_made_at_the_same_time() -> Outcome {
    let bus = bus().await?;
    bus.serve(StockServer::from_arc(Arc::new(Shelf))).await?;
    let stock = StockClient::new(&bus);
    let (one, two) = tokio::join!(stock.find(1), stock.clone().find(2));
    assert_eq!((one?.number, two?.number), (1, 2));
    Ok(())
}

#[tokio::test]
async fn events_are_plain_structs() -> Outcome {
    let bus = bus().await?;
    bus.own_api::<StockApi>();
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    bus.subscribe("log", move |taken: Taken| {
        let send = send.clone();
        async move {
            let _ = send.send(taken);
        }
    })
    .await?;
    let taken = Taken { part: Part { number: 1 }, count: 2, r#in: "hall".into() };
    bus.publish(taken.clone()).await?;
    assert_eq!(receive.recv().await, Some(taken));
    bus.publish(Emptied {}).await?;
    bus.publish(StockCount::default()).await?;
    Ok(())
}

#[test]
fn events_encode_as_maps() -> Outcome {
    let taken = Taken { part: Part { number: 1 }, count: 2, r#in: "hall".into() };
    assert_eq!(serde_json::to_value(taken)?, json!({"part": {"number": 1}, "count": 2, "in": "hall"}));
    assert_eq!(serde_json::to_value(Emptied {})?, json!({}));
    assert_eq!(serde_json::from_value::<StockCount>(json!({}))?, StockCount { by: 0 });
    assert_eq!(Taken::NAME, "taken");
    assert_eq!(StockCount::NAME, "counted");
    Ok(())
}

#[test]
fn the_descriptor_says_what_the_trait_says() -> Outcome {
    let api = StockApi::DESCRIPTOR;
    assert_eq!(api.name(), "behaviour.stock");
    assert_eq!(api.docs(), "Parts in stock.\n\n```text\n  indented\n```");
    let methods: Vec<&str> = api.methods().iter().map(|method| method.name()).collect();
    assert_eq!(
        methods,
        ["every_form", "find", "provided", "unfinished", "caller", "defaults", "kind", "conditional", "old"]
    );
    let events: Vec<(&str, &str)> = api.events().iter().map(|event| (event.name(), event.docs())).collect();
    assert_eq!(
        events,
        [
            ("taken", "Parts were taken."),
            ("counted", "Another name on the wire, and another struct; the defaults of the whole."),
            ("emptied", "Nothing to say."),
        ]
    );
    let find = api.method("find").ok_or("there is no method `find`")?;
    assert_eq!((find.timeout(), find.is_idempotent()), (Some(Duration::from_millis(250)), true));
    assert_eq!(find.docs(), "A typed error.");
    let caller = api.method("caller").ok_or("there is no method `caller`")?;
    assert_eq!((caller.timeout(), caller.is_idempotent()), (None, false));
    Ok(())
}

#[doc = include_str!("docs/returns.md")]
#[lightbus::api(name = "behaviour.returns")]
trait Returns {
    /// Before.
    ///
    #[doc = concat!("Put ", "together.")]
    ///
    ///     After.
    async fn take_back(&self, serial: &str);

    #[event]
    #[doc = include_str!("docs/returns.md")]
    fn taken_back(serial: String);
}

#[test]
fn documentation_may_come_from_macros() -> Outcome {
    const FILE: &str = "Products that come back.\n\n    indented";
    let api = ReturnsApi::DESCRIPTOR;
    assert_eq!(api.docs(), FILE);
    let take_back = api.method("take_back").ok_or("there is no method `take_back`")?;
    assert_eq!(take_back.docs(), "Before.\n\nPut together.\n\n    After.");
    let event = api.events().first().ok_or("there is no event")?;
    assert_eq!(event.docs(), FILE);

    let schema = serde_json::to_value(ReturnsApi::schema())?;
    assert_eq!(schema["description"], FILE);
    assert_eq!(schema["methods"]["take_back"]["description"], take_back.docs());
    assert_eq!(schema["events"]["taken_back"]["description"], FILE);
    Ok(())
}

#[test]
fn documentation_may_be_passed_through_a_macro() {
    macro_rules! declare {
        ($docs:expr) => {
            #[doc = $docs]
            #[lightbus::api(name = "behaviour.documented")]
            trait Documented {}
        };
    }
    declare!("From outside.");

    assert_eq!(DocumentedApi::DESCRIPTOR.docs(), "From outside.");
}

#[test]
fn the_schema_describes_the_wire() -> Outcome {
    let schema = serde_json::to_value(StockApi::schema())?;
    let arguments = &schema["methods"]["every_form"]["arguments"]["read"];
    assert_eq!(arguments["properties"]["text"], json!({"type": "string"}));
    assert_eq!(arguments["properties"]["list"], json!({"type": "array", "items": {"$ref": "#/$defs/Part"}}));
    assert_eq!(arguments["properties"]["part"], json!({"$ref": "#/$defs/Part"}));
    assert_eq!(arguments["required"], json!(["value", "text", "list", "part"]));
    // The expansion's own names are nobody's business.
    assert!(!schema.to_string().contains("__"), "{schema:#}");

    let caller = &schema["methods"]["caller"]["arguments"]["properties"];
    assert_eq!(caller.as_object().map(|properties| properties.len()), Some(2));
    assert_eq!(schema["methods"]["defaults"]["arguments"]["read"]["required"], json!(null));
    let kind = &schema["methods"]["kind"]["arguments"]["required"];
    assert_eq!(*kind, json!(["what", "in"]));
    assert_eq!(schema["methods"]["find"]["error"], json!({"$ref": "#/$defs/StockError"}));
    assert_eq!(schema["events"]["taken"]["fields"]["read"]["required"], json!(["part", "in"]));
    let by = &schema["events"]["counted"]["fields"]["read"]["properties"]["by"];
    assert_eq!((&by["maximum"], &by["default"]), (&json!(9), &json!(0)));
    Ok(())
}

#[test]
fn the_schema_tells_what_the_trait_says() -> Outcome {
    let schema = StockApi::schema();
    assert_eq!(schema.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(schema.methods["old"].deprecated.as_deref(), Some("count them"));
    assert_eq!(schema.methods["find"].deprecated, None);
    assert_eq!(schema.methods["find"].timeout, Some(Duration::from_millis(250)));
    assert!(schema.methods["find"].idempotent);
    let emptied = &schema.events["emptied"];
    assert_eq!(emptied.deprecated, None);
    assert_eq!(emptied.description, "Nothing to say.");

    // A missing `Option` is read as `None`, and `None` is always written.
    let arguments = serde_json::to_value(&schema.methods["every_form"].arguments)?;
    assert_eq!(arguments["read"]["required"], json!(["value", "text", "list", "part"]));
    assert_eq!(arguments["written"]["required"], json!(["value", "text", "list", "part", "maybe"]));
    assert_eq!(ApiSchema::from_json(&schema.to_json())?, schema);
    Ok(())
}

#[test]
fn a_trait_may_be_declared_in_a_function() {
    #[lightbus::api(name = "behaviour.local")]
    trait Local {
        async fn echo(&self, text: &str) -> String;

        #[event]
        fn echoed(text: String);
    }

    assert_eq!(LocalApi::DESCRIPTOR.events().len(), 1);
}

#[test]
fn a_trait_may_come_from_a_macro() {
    macro_rules! declare {
        ($name:ident, $api:literal, $argument:ty, $answer:ty) => {
            #[lightbus::api(name = $api)]
            trait $name {
                async fn ask(&self, invocation: &str, argument: $argument) -> $answer;

                async fn echo(&self, argument: $argument) -> u8 {
                    drop(argument);
                    self.ask("", Default::default()).await.unwrap_or_default()
                }
            }
        };
    }
    declare!(FromMacro, "behaviour.from_macro", Vec<u8>, Option<u8>);

    assert_eq!(FromMacroApi::DESCRIPTOR.methods().len(), 2);
}

#[test]
fn everything_generated_can_be_logged() {
    assert_eq!(format!("{:?}", StockServer::new(Shelf)), "StockServer { .. }");
    assert_eq!(format!("{StockApi:?}"), "StockApi");
    assert_eq!(format!("{:?}", Emptied {}), "Emptied");
}
