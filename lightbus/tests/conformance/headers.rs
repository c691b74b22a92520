//! Headers that applications give to their messages.

use std::time::Duration;

use lightbus::prelude::*;
use lightbus::{Bus, Error};
use lightbus_test_support::wait::{eventually_async, next};
use lightbus_test_support::world::World;
use tokio::sync::mpsc;

use crate::desk::{DeskApi, DeskClient, Registered};

/// Tells which headers arrive, also further down.
#[lightbus::api(name = "test.lobby")]
pub trait Lobby {
    async fn headers(&self, #[context] ctx: &Context) -> Vec<(String, String)>;
    /// What `headers` of the same API says when it is called from here.
    async fn headers_beyond(&self, own: Option<String>) -> Vec<(String, String)>;
    async fn visit(&self);
    #[event]
    fn visited();
}

struct Porter(Bus);

fn listed(ctx: &Context) -> Vec<(String, String)> {
    let mut headers: Vec<_> = ctx.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.sort();
    headers
}

fn expected(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Lobby for Porter {
    async fn headers(&self, ctx: &Context) -> Vec<(String, String)> {
        listed(ctx)
    }

    async fn headers_beyond(&self, own: Option<String>) -> Vec<(String, String)> {
        let call = LobbyClient::new(&self.0).headers();
        match own {
            Some(own) => call.header("x-tenant", own).await.unwrap(),
            None => call.await.unwrap(),
        }
    }

    async fn visit(&self) {
        self.0.publish(Visited {}).await.unwrap();
    }
}

/// A process that serves the lobby, and passes one header on.
async fn lobby(world: &World) -> Bus {
    let bus = world.keep(world.process("lobby").pass_on_headers(["x-tenant"]).connect().await.unwrap());
    bus.serve(LobbyServer::new(Porter(bus.clone()))).await.unwrap();
    bus
}

pub async fn a_call_carries_headers(world: &World) {
    lobby(world).await;
    let client = LobbyClient::new(&world.join("caller").await);
    assert!(client.headers().await.unwrap().is_empty());
    let note = "größer, \"as is\" 🚌";
    let call = client.headers().header("x-tenant", "north").header("x-note", note).header("x-empty", "");
    assert_eq!(call.await.unwrap(), expected(&[("x-empty", ""), ("x-note", note), ("x-tenant", "north")]));
    // The last one of a name.
    let call = client.headers().header("x-tenant", "north").header("x-tenant", "south");
    assert_eq!(call.await.unwrap(), expected(&[("x-tenant", "south")]));
}

pub async fn chosen_headers_go_on_with_what_a_handler_sends(world: &World) {
    lobby(world).await;
    let caller = world.join("caller").await;
    let client = LobbyClient::new(&caller);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    caller
        .subscribe("visits", move |_: Visited, ctx: Context| {
            let _ = sender.send(listed(&ctx));
            async {}
        })
        .await
        .unwrap();
    let north = expected(&[("x-tenant", "north")]);
    let call = client.headers_beyond(None).header("x-tenant", "north").header("x-token", "secret");
    assert_eq!(call.await.unwrap(), north);
    let call = client.headers_beyond(Some("own".to_owned())).header("x-tenant", "north");
    assert_eq!(call.await.unwrap(), expected(&[("x-tenant", "own")]));
    client.visit().header("x-tenant", "north").header("x-token", "secret").await.unwrap();
    assert_eq!(next(&mut arrivals).await, north);
}

pub async fn headers_that_nobody_could_read_are_refused(world: &World) {
    let bus = world.join("desk").await;
    bus.own_api::<DeskApi>();
    let registered = || Registered { serial: "SN-1".to_owned(), customer: 1 };
    for (name, value, problem) in [
        ("tenant", "north", "\"tenant\" cannot be used as the name of a header"),
        ("x-death", "north", "reserved"),
        ("x-tenant", "a\r\nb", "a control character"),
        ("x-tenant", &"x".repeat(5000), "the limit is 4096"),
    ] {
        let error = DeskClient::new(&bus).echo("text").header(name, value).await.unwrap_err();
        assert!(matches!(error, CallError::InvalidHeader { .. }) && error.to_string().contains(problem), "{error}");
        assert!(error.help().is_some() && !error.may_have_run());
        let error = bus.publish(registered()).header(name, value).await.unwrap_err();
        assert!(matches!(error, Error::InvalidHeader { .. }) && error.to_string().contains(problem), "{error}");
    }
    let error = world.process("desk").pass_on_headers(["tenant"]).connect().await.unwrap_err();
    assert!(matches!(error, Error::InvalidSetting { setting: "pass_on_headers", .. }), "{error}");
}

pub async fn an_event_keeps_its_headers_over_retries_and_as_a_dead_letter(world: &World) {
    let (desk, audit) = (world.join("desk").await, world.join("audit").await);
    desk.own_api::<DeskApi>();
    let (sender, mut attempts) = mpsc::unbounded_channel();
    audit
        .subscribe("registrations", move |_: Registered, ctx: Context| {
            let _ = sender.send((ctx.attempt(), ctx.header("x-tenant").map(str::to_owned)));
            async { Err::<(), _>("the register is full") }
        })
        .retries(Retries::after([Duration::ZERO, Duration::from_millis(1)]))
        .await
        .unwrap();
    let event = Registered { serial: "SN-1".to_owned(), customer: 1 };
    desk.publish(event).header("x-tenant", "north").await.unwrap();
    let north = Some("north".to_owned());
    for attempt in 1..=3 {
        assert_eq!(next(&mut attempts).await, (attempt, north.clone()));
    }
    let letters = audit.dead_letters("registrations");
    eventually_async("the event becomes a dead letter", || async { letters.count().await.unwrap() == 1 }).await;
    let letter = letters.list(1).await.unwrap().remove(0);
    assert_eq!(letter.headers.iter().collect::<Vec<_>>(), [("x-tenant", "north")]);
    letters.replay_all().await.unwrap();
    assert_eq!(next(&mut attempts).await, (1, north));
}
