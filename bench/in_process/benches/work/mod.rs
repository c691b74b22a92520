//! The benchmarks: bodies, and calls and events over the bus in memory.

use std::future::poll_fn;
use std::task::Poll;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::FutureExt;
use futures_util::future::join_all;
use lightbus::__private::{Api, Dispatch, invocation};
use lightbus::codec;
use lightbus::message::Encoding;
use lightbus_bench_in_process::{Check, Desk, Registered, WarrantyApi, WarrantyClient, WarrantyServer, bus};
use tokio::sync::mpsc;

/// The lengths of the note, in bytes.
const SIZES: [usize; 3] = [100, 1 << 10, 64 << 10];

/// How many calls or events are in flight.
const IN_FLIGHT: [usize; 2] = [1, 64];

/// How many calls are made one after the other.
const IN_A_ROW: usize = 100;

#[divan::bench(args = SIZES)]
fn encode(bencher: Bencher<'_, '_>, size: usize) {
    let request = Check::of_size(size);
    bencher.bench(|| codec::encode(Encoding::MessagePack, &request).unwrap());
}

#[divan::bench(args = SIZES)]
fn decode(bencher: Bencher<'_, '_>, size: usize) {
    let payload = codec::encode(Encoding::MessagePack, &Check::of_size(size)).unwrap();
    bencher.bench(|| codec::decode::<Check>(&payload).unwrap());
}

/// The generated dispatcher: decodes the arguments, runs the method and encodes its answer.
#[divan::bench]
fn dispatch(bencher: Bencher<'_, '_>) {
    let server = WarrantyServer::new(Desk);
    let arguments = codec::encode(Encoding::MessagePack, &Check::of_size(SIZES[0])).unwrap();
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
    // `join_all` allocates, which is not part of a call.
    match in_flight {
        1 => bencher.bench_local(|| runtime.block_on(call())),
        _ => bencher.bench_local(|| runtime.block_on(join_all((0..in_flight).map(|_| call())))),
    }
}

/// Entering the runtime and waiting for one turn of its scheduler, which is also part of `call` with one in flight.
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

/// Calls one after the other from a task, as handlers make them. Tokio polls the I/O of the system whenever the future of
/// `block_on` is woken, which this leaves out.
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

/// An event from publishing until its handler returns.
#[divan::bench(args = IN_FLIGHT)]
fn event(bencher: Bencher<'_, '_>, in_flight: usize) {
    let (runtime, bus) = bus();
    let (handled, mut arrivals) = mpsc::unbounded_channel();
    bus.own_api::<WarrantyApi>();
    let subscribed = bus.subscribe("count", move |event: Registered| {
        let handled = handled.clone();
        async move { handled.send(event.customer).unwrap() }
    });
    runtime.block_on(subscribed).unwrap();
    bencher.counter(ItemsCount::new(in_flight)).bench_local(|| {
        runtime.block_on(async {
            let published = (0..in_flight).map(async |_| {
                let Check { serial, customer, note } = Check::of_size(SIZES[0]);
                bus.publish(Registered { serial, customer, note }).await.unwrap();
            });
            join_all(published).await;
            for _ in 0..in_flight {
                arrivals.recv().await.unwrap();
            }
        });
    });
}
