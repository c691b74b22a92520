//! Changes of methods and events themselves: both versions of an API call each other over a bus in memory.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lightbus::api::Api;
use lightbus::schema::{Comparison, Part, Rule, Verdict, compare};
use lightbus::{Bus, CallError};

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no")]
    No,
}

pub(crate) mod old {

    use super::Refusal;

    #[lightbus::api(name = "company.desk")]
    pub(crate) trait Desk {
        async fn kept(&self, a: u32) -> u32;
        async fn removed(&self) -> u32;
        async fn named(&self, a: u32, b: String) -> u32;
        async fn becomes_fallible(&self) -> u32;
        async fn becomes_infallible(&self) -> Result<u32, Refusal>;
        async fn gets_an_answer(&self);
        async fn loses_its_answer(&self) -> u32;
        async fn gets_an_option(&self, a: u32) -> u32;
        async fn loses_an_argument(&self, a: u32, b: u32) -> u32;
        async fn takes_text(&self, text: &str, a: u32) -> String;
        #[rpc(timeout = "1s")]
        async fn waits(&self) -> u32;

        #[event]
        fn registered(serial: String);
        #[event]
        fn sold(serial: String, price: u32);
        #[event]
        fn moved(place: u64);
    }

    pub(crate) struct Server;

    impl Desk for Server {
        async fn kept(&self, a: u32) -> u32 {
            a
        }
        async fn removed(&self) -> u32 {
            1
        }
        async fn named(&self, a: u32, _b: String) -> u32 {
            a
        }
        async fn becomes_fallible(&self) -> u32 {
            1
        }
        async fn becomes_infallible(&self) -> Result<u32, Refusal> {
            Err(Refusal::No)
        }
        async fn gets_an_answer(&self) {}
        async fn loses_its_answer(&self) -> u32 {
            1
        }
        async fn gets_an_option(&self, a: u32) -> u32 {
            a
        }
        async fn loses_an_argument(&self, a: u32, b: u32) -> u32 {
            a + b
        }
        async fn takes_text(&self, text: &str, _a: u32) -> String {
            text.to_owned()
        }
        async fn waits(&self) -> u32 {
            1
        }
    }
}

pub(crate) mod new {
    use lightbus::prelude::*;

    use super::Refusal;

    #[lightbus::api(name = "company.desk")]
    pub(crate) trait Desk {
        async fn kept(&self, a: u32) -> u32;
        async fn renamed(&self, a: u32, b: String) -> u32;
        async fn added(&self, c: bool) -> u32;
        async fn becomes_fallible(&self) -> Result<u32, Refusal>;
        async fn becomes_infallible(&self) -> u32;
        async fn gets_an_answer(&self) -> u32;
        async fn loses_its_answer(&self);
        async fn gets_an_option(&self, a: u32, b: Option<u32>) -> u32;
        async fn loses_an_argument(&self, a: u32) -> u32;
        async fn takes_text(&self, a: u32, text: String, #[context] context: &Context) -> String;
        #[rpc(timeout = "2s", idempotent)]
        #[deprecated = "no use any more"]
        async fn waits(&self) -> u32;

        #[event]
        fn registered(serial: String, customer: u64);
        #[event]
        fn sold_for(serial: String, price: u32);
        #[event]
        fn created(name: String);
    }

    pub(crate) struct Server;

    impl Desk for Server {
        async fn kept(&self, a: u32) -> u32 {
            a
        }
        async fn renamed(&self, a: u32, _b: String) -> u32 {
            a
        }
        async fn added(&self, _c: bool) -> u32 {
            1
        }
        async fn becomes_fallible(&self) -> Result<u32, Refusal> {
            Err(Refusal::No)
        }
        async fn becomes_infallible(&self) -> u32 {
            1
        }
        async fn gets_an_answer(&self) -> u32 {
            1
        }
        async fn loses_its_answer(&self) {}
        async fn gets_an_option(&self, a: u32, b: Option<u32>) -> u32 {
            a + b.unwrap_or_default()
        }
        async fn loses_an_argument(&self, a: u32) -> u32 {
            a
        }
        async fn takes_text(&self, _a: u32, text: String, context: &Context) -> String {
            assert_eq!(context.service(), "desk");
            text
        }
        async fn waits(&self) -> u32 {
            1
        }
    }
}

fn comparison() -> Comparison {
    compare(&old::DeskApi::schema(), &new::DeskApi::schema())
}

/// The rules that tell of a method or an event, and whether calls fail: `(server first, caller first)`.
fn told(member: &str) -> (Vec<Rule>, (bool, bool)) {
    let comparison = comparison();
    let found: Vec<_> = comparison.differences.iter().filter(|difference| difference.member == member).collect();
    let fails = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(Verdict::is_breaking);
    let server_first = found.iter().any(|difference| fails(&difference.server_first));
    let caller_first = found.iter().any(|difference| fails(&difference.caller_first));
    (found.iter().map(|difference| difference.rule).collect(), (server_first, caller_first))
}

/// Whether the call did not end as it does within one version.
fn fails<T: Debug, E: Debug>(result: Result<T, CallError<E>>) -> bool {
    !matches!(result, Ok(_) | Err(CallError::Method { .. }))
}

async fn bus(name: &str) -> Bus {
    Bus::service("desk").url(format!("memory://{name}")).connect().await.expect("it is in memory")
}

#[tokio::test]
async fn calls_between_versions_end_as_compare_says() {
    // A new server with old callers …
    let bus_of_new = bus("compat-new-server").await;
    bus_of_new.serve(new::DeskServer::new(new::Server)).await.expect("it serves");
    let caller = old::DeskClient::new(&bus_of_new);
    // … and an old server with new callers.
    let bus_of_old = bus("compat-old-server").await;
    bus_of_old.serve(old::DeskServer::new(old::Server)).await.expect("it serves");
    let new_caller = new::DeskClient::new(&bus_of_old);

    let check = |member: &str, rules: &[Rule], happened: (bool, bool)| {
        assert_eq!(told(member), (rules.to_vec(), happened), "{member}");
    };
    let both = (fails(caller.kept(1).await), fails(new_caller.kept(1).await));
    check("kept", &[], both);
    check("removed", &[Rule::MethodRemoved], (fails(caller.removed().await), false));
    check("added", &[Rule::MethodAdded], (false, fails(new_caller.added(true).await)));
    let both = (fails(caller.named(1, "b".to_owned()).await), fails(new_caller.renamed(1, "b".to_owned()).await));
    check("named", &[Rule::MethodRenamed], both);
    let both = (fails(caller.becomes_fallible().await), fails(new_caller.becomes_fallible().await));
    check("becomes_fallible", &[Rule::ErrorAdded], both);
    let both = (fails(caller.becomes_infallible().await), fails(new_caller.becomes_infallible().await));
    check("becomes_infallible", &[Rule::ErrorRemoved], both);
    let both = (fails(caller.gets_an_answer().await), fails(new_caller.gets_an_answer().await));
    check("gets_an_answer", &[Rule::TypeChanged], both);
    let both = (fails(caller.loses_its_answer().await), fails(new_caller.loses_its_answer().await));
    check("loses_its_answer", &[Rule::TypeChanged], both);
    let both = (fails(caller.gets_an_option(1).await), fails(new_caller.gets_an_option(1, Some(2)).await));
    check("gets_an_option", &[Rule::OptionalFieldAdded], both);
    let both = (fails(caller.loses_an_argument(1, 2).await), fails(new_caller.loses_an_argument(1).await));
    check("loses_an_argument", &[Rule::RequiredFieldRemoved], both);
    let both = (fails(caller.takes_text("a", 1).await), fails(new_caller.takes_text(1, "a".to_owned()).await));
    check("takes_text", &[], both);
    #[allow(deprecated, reason = "deprecation is one of the changes")]
    let both = (fails(caller.waits().await), fails(new_caller.waits().await));
    check("waits", &[Rule::IdempotentChanged, Rule::TimeoutChanged, Rule::DeprecatedChanged], both);
    assert_eq!(
        new_caller.gets_an_option(1, Some(2)).await.expect("it answers"),
        1,
        "the old server ignores the new argument"
    );
    bus_of_new.shutdown().await;
    bus_of_old.shutdown().await;
}

#[tokio::test]
async fn events_between_versions_end_as_compare_says() {
    let rules = |member: &str| told(member).0;
    assert_eq!(rules("registered"), [Rule::RequiredFieldAdded]);
    assert_eq!(rules("sold"), [Rule::EventRenamed]);
    assert_eq!(rules("moved"), [Rule::EventRemoved]);
    assert_eq!(rules("created"), [Rule::EventAdded]);

    let bus = bus("compat-events").await;
    bus.serve(new::DeskServer::new(new::Server)).await.expect("it owns the API");
    let (old_handled, new_handled) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (old_count, new_count) = (Arc::clone(&old_handled), Arc::clone(&new_handled));
    let old_subscriber = move |_: old::Registered| {
        old_count.fetch_add(1, Ordering::SeqCst);
        async {}
    };
    let new_subscriber = move |_: new::Registered| {
        new_count.fetch_add(1, Ordering::SeqCst);
        async {}
    };
    bus.subscribe("old", old_subscriber).await.expect("it subscribes");
    bus.subscribe("new", new_subscriber).await.expect("it subscribes");
    bus.publish(new::Registered { serial: "a".to_owned(), customer: 7 }).await.expect("it is published");
    bus.publish(old::Registered { serial: "b".to_owned() }).await.expect("it is published");
    let dead = bus.dead_letters("new");
    tokio::time::timeout(Duration::from_secs(10), async {
        while dead.count().await.expect("it is counted") == 0 || old_handled.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the old event becomes a dead letter of the new subscriber");
    assert_eq!(new_handled.load(Ordering::SeqCst), 1);
    let comparison = comparison();
    let registered = comparison.differences.iter().find(|difference| difference.part == Part::Fields);
    let registered = registered.expect("the event changed");
    assert_eq!(registered.publisher_first, Some(Verdict::Compatible));
    assert!(registered.subscriber_first.as_ref().is_some_and(Verdict::is_breaking));
    bus.shutdown().await;
}

#[test]
fn the_report_tells_everything() {
    let report = comparison().to_string();
    for part in [
        "`registered`, event: `customer` [required-field-added]",
        "new subscribers and events of the old version: every message fails, such as {\"serial\":\"text\"}",
        "The event becomes a dead letter",
        "`gets_an_option`, argument: `b` [optional-field-added]",
        "no order is safe for calls",
    ] {
        assert!(report.contains(part), "{part} is not in:\n{report}");
    }
}

#[test]
fn an_api_of_another_name_is_another_api() {
    let mut renamed = old::DeskApi::schema();
    renamed.name = "company.counter".to_owned();
    let comparison = compare(&old::DeskApi::schema(), &renamed);
    assert_eq!(comparison.differences[0].rule, Rule::ApiRenamed);
    assert!(!comparison.is_compatible());
    assert_ne!(renamed.hash(), old::DeskApi::schema().hash());
}

#[test]
fn the_hash_knows_neither_documentation_nor_versions() {
    let schema = old::DeskApi::schema();
    let mut documented = schema.clone();
    documented.description = "Other words".to_owned();
    documented.version = Some("99.0.0".to_owned());
    assert_eq!(documented.hash(), schema.hash());
    assert_ne!(new::DeskApi::schema().hash(), schema.hash());
    // What was found out about the decoders does not count either.
    assert_eq!(old::DeskApi::DESCRIPTOR.schema().hash(), schema.hash());
}
