//! What is measured: bodies, and calls and events over the bus in memory.

use std::future::poll_fn;
use std::task::Poll;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::FutureExt;
use futures_util::future::join_all;
use lightbus::__private::{Api, Dispatch, invocation};
use lightbus::codec;
use lightbus::message::Encoding;
use lightbus::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Lengths of a note, in bytes.
const SIZES: [usize; 3] = [100, 1 << 10, 64 << 10];

/// How many calls and events are in flight.
const IN_FLIGHT: [usize; 2] = [1, 64];

/// How many calls are made one after the other.
const IN_A_ROW: usize = 100;

/// A request by hand, as the client writes one.
#[derive(Debug, Serialize, Deserialize)]
struct Check {
    serial: String,
    customer: u64,
    note: String,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cover {
    ok: bool,
    until: String,
}

/// Who is covered, and until when.
#[lightbus::api(name = "bench.warranty")]
pub(crate) trait Warranty {
    /// The cover of one product.
    async fn check(&self, serial: &str, customer: u64, note: &str) -> Cover;

    /// Somebody registered a product.
    #[event]
    fn registered(serial: String, customer: u64, note: String);
}

struct Desk;

impl Warranty for Desk {
    async fn check(&self, serial: &str, _customer: u64, _note: &str) -> Cover {
        Cover { ok: !serial.is_empty(), until: "2027-01-01".to_owned() }
    }
}

fn request(size: usize) -> Check {
    Check { serial: "SN-0001234".to_owned(), customer: 42, note: "x".repeat(size) }
}

#[divan::bench(args = SIZES)]
fn encode(bencher: Bencher<'_, '_>, size: usize) {
    let request = request(size);
    bencher.bench(|| codec::encode(Encoding::MessagePack, &request).unwrap());
}

#[divan::bench(args = SIZES)]
fn decode(bencher: Bencher<'_, '_>, size: usize) {
    let payload = codec::encode(Encoding::MessagePack, &request(size)).unwrap();
    bencher.bench(|| codec::decode::<Check>(&payload).unwrap());
}

/// What the generated dispatcher does with a request: arguments decoded, the method run, its answer encoded.
#[divan::bench]
fn dispatch(bencher: Bencher<'_, '_>) {
    let server = WarrantyServer::new(Desk);
    let arguments = codec::encode(Encoding::MessagePack, &request(SIZES[0])).unwrap();
    bencher
        .with_inputs(|| invocation(WarrantyApi::DESCRIPTOR, "check", arguments.clone()))
        .bench_local_refs(|invocation| server.dispatch(invocation).now_or_never().unwrap());
}

/// A call from the client's method to its answer, through the dispatcher.
#[divan::bench(args = IN_FLIGHT)]
fn call(bencher: Bencher<'_, '_>, in_flight: usize) {
    let (runtime, bus) = bus();
    runtime.block_on(async { bus.serve(WarrantyServer::new(Desk)).await }).unwrap();
    let (client, note) = (WarrantyClient::new(&bus), "x".repeat(SIZES[0]));
    let call = async || client.check("SN-0001234", 42, &note).await.unwrap();
    let bencher = bencher.counter(ItemsCount::new(in_flight));
    // Waiting for several together allocates, which is no part of a call.
    match in_flight {
        1 => bencher.bench_local(|| runtime.block_on(call())),
        _ => bencher.bench_local(|| runtime.block_on(join_all((0..in_flight).map(|_| call())))),
    }
}

/// What it takes to enter the runtime and to wait there for a turn, which is in a call with one in flight, too.
#[divan::bench]
fn block_on(bencher: Bencher<'_, '_>) {
    let (runtime, _bus) = bus();
    bencher.bench_local(|| {
        let mut had_turn = false;
        runtime.block_on(poll_fn(|context| {
            if std::mem::replace(&mut had_turn, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
    });
}

/// Calls one after the other from a task, as handlers make them: of the future that `block_on` is given tokio asks the system
/// for I/O whenever it is woken.
#[divan::bench]
fn calls_in_a_row(bencher: Bencher<'_, '_>) {
    let (runtime, bus) = bus();
    runtime.block_on(async { bus.serve(WarrantyServer::new(Desk)).await }).unwrap();
    let (client, note) = (WarrantyClient::new(&bus), "x".repeat(SIZES[0]));
    bencher.counter(ItemsCount::new(IN_A_ROW)).bench_local(|| {
        let (client, note) = (client.clone(), note.clone());
        let calls = runtime.spawn(async move {
            for _ in 0..IN_A_ROW {
                client.check("SN-0001234", 42, &note).await.unwrap();
            }
        });
        runtime.block_on(calls).unwrap();
    });
}

/// An event from its publishing to the end of its handler.
#[divan::bench(args = IN_FLIGHT)]
fn event(bencher: Bencher<'_, '_>, in_flight: usize) {
    let (runtime, bus) = bus();
    let (handled, mut arrivals) = mpsc::unbounded_channel();
    bus.own_api::<WarrantyApi>();
    let subscribed = bus.subscribe("count", move |event: Registered| {
        let handled = handled.clone();
        async move { handled.send(event.customer).unwrap() }
    });
    runtime.block_on(async { subscribed.await }).unwrap();
    bencher.counter(ItemsCount::new(in_flight)).bench_local(|| {
        runtime.block_on(async {
            let published = (0..in_flight).map(async |_| {
                let Check { serial, customer, note } = request(SIZES[0]);
                bus.publish(Registered { serial, customer, note }).await.unwrap();
            });
            join_all(published).await;
            for _ in 0..in_flight {
                arrivals.recv().await.unwrap();
            }
        });
    });
}

/// A bus of its own, and one thread for all of it.
fn bus() -> (Runtime, Bus) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bus = runtime.block_on(async { Bus::service("warranty").url("memory://").connect().await }).unwrap();
    (runtime, bus)
}
