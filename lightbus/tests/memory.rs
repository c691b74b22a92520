//! What holds for a bus in memory only: it may outlive the runtimes of its processes, as tests in one program do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use lightbus::prelude::*;
use lightbus_test_support::wait::{GUARD, guarded};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

#[lightbus::api(name = "test.desk")]
trait Desk {
    async fn name(&self) -> String;
    #[rpc(idempotent)]
    async fn ask(&self) -> String;
    #[event]
    fn opened(number: u32);
}

/// Says that it was asked, and never answers unless it has a name.
struct Clerk {
    name: Option<&'static str>,
    asked: mpsc::UnboundedSender<()>,
}

impl Desk for Clerk {
    async fn name(&self) -> String {
        self.name.unwrap_or_default().to_owned()
    }

    async fn ask(&self) -> String {
        let _ = self.asked.send(());
        match self.name {
            Some(name) => name.to_owned(),
            None => std::future::pending().await,
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

async fn join(bus: &str) -> Bus {
    Bus::service("desk").url(format!("memory://{bus}")).call_timeout(GUARD).connect().await.unwrap()
}

async fn serve(bus: &Bus, name: Option<&'static str>) -> mpsc::UnboundedReceiver<()> {
    let (asked, receiver) = mpsc::unbounded_channel();
    bus.serve(DeskServer::new(Clerk { name, asked })).await.unwrap();
    receiver
}

#[test]
fn a_process_whose_runtime_has_ended_takes_no_messages() {
    let (first, second) = (runtime(), runtime());
    // It keeps the bus alive, and what happened on it.
    let anchor = second.block_on(join("ended"));
    let (opened, mut events) = mpsc::unbounded_channel();
    first.block_on(async {
        let bus = join("ended").await;
        serve(&bus, Some("first")).await;
        bus.subscribe("openings", |_: Opened| async {}).await.unwrap();
        // As an application does: what it serves holds the bus.
        std::mem::forget(bus);
    });
    drop(first);

    second.block_on(async {
        let bus = join("ended").await;
        serve(&bus, Some("second")).await;
        assert_eq!(DeskClient::new(&anchor).name().await.unwrap(), "second");
        bus.publish(Opened { number: 1 }).await.unwrap();
        bus.subscribe("openings", move |event: Opened| {
            let _ = opened.send(event.number);
            async {}
        })
        .await
        .unwrap();
        assert_eq!(guarded(events.recv()).await, Some(1));
        assert_eq!(bus.dead_letters("openings").count().await.unwrap(), 0);
    });
}

#[test]
fn messages_held_by_an_ended_runtime_go_to_the_next_process() {
    let (first, second) = (runtime(), runtime());
    let caller = second.block_on(join("taken"));
    let mut asked = first.block_on(async {
        let bus = join("taken").await;
        let asked = serve(&bus, None).await;
        std::mem::forget(bus);
        asked
    });
    let call = second.spawn(DeskClient::new(&caller).ask().into_future());
    second.block_on(asked.recv()).unwrap();
    drop(first);

    second.block_on(async {
        let bus = join("taken").await;
        serve(&bus, Some("second")).await;
        assert_eq!(call.await.unwrap().unwrap(), "second");
    });
}

#[test]
fn a_process_ends_with_the_handlers_that_hold_it() {
    let (ended, receiver) = std::sync::mpsc::channel();
    // What locks up never comes back, so it is left behind.
    std::thread::spawn(move || {
        let runtime = runtime();
        runtime.block_on(async {
            let (bus, held) = (join("held").await, join("held").await);
            bus.subscribe("openings", move |_: Opened| {
                let _ = &held;
                async {}
            })
            .await
            .unwrap();
            bus.shutdown().await;
        });
        drop(runtime);
        let _ = ended.send(());
    });
    receiver.recv_timeout(GUARD).expect("the bus locks up");
}
