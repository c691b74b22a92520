//! The server and the bus in one process: answers, health, traces, and the order of the shutdown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum_example::{Cover, Warranty, WarrantyClient, WarrantyError, WarrantyServer, run};
use lightbus::prelude::*;
use lightbus_test_support::wait::{guarded, next};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Reports the trace of each call, and answers once it has a permit.
struct Desk {
    traces: mpsc::UnboundedSender<Option<String>>,
    permits: Arc<Semaphore>,
}

impl Warranty for Desk {
    async fn check(&self, serial: &str, context: &Context) -> Result<Cover, WarrantyError> {
        self.traces.send(context.trace().map(|trace| trace.traceparent.clone())).unwrap();
        self.permits.acquire().await.unwrap().forget();
        match serial {
            "SN-0042" => Ok(Cover { until: "2027-05-01".to_owned() }),
            _ => Err(WarrantyError::UnknownProduct { serial: serial.to_owned() }),
        }
    }
}

/// A process of the example, with another desk.
struct Server {
    address: SocketAddr,
    bus: Bus,
    traces: mpsc::UnboundedReceiver<Option<String>>,
    permits: Arc<Semaphore>,
    stop: Arc<Notify>,
    running: JoinHandle<lightbus::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        let bus = Bus::service("web").url("memory://").connect().await.unwrap();
        let (sender, traces) = mpsc::unbounded_channel();
        let (permits, stop) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        bus.serve(WarrantyServer::new(Desk { traces: sender, permits: Arc::clone(&permits) })).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, stopped) = (bus.clone(), Arc::clone(&stop));
        let running =
            tokio::spawn(async move { run(&server, listener, async move { stopped.notified().await }).await });
        Self { address, bus, traces, permits, stop, running }
    }

    async fn stop(self) {
        self.stop.notify_one();
        guarded(self.running).await.unwrap().unwrap();
    }
}

/// Sends a GET request, and returns the whole response.
async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    guarded(stream.read_to_string(&mut response)).await.unwrap();
    response
}

#[tokio::test]
async fn a_request_becomes_a_call_and_its_error_a_status() {
    let server = Server::start().await;
    server.permits.add_permits(2);
    let found = get(server.address, "/warranty/SN-0042", "").await;
    assert!(found.starts_with("HTTP/1.1 200 ") && found.ends_with(r#"{"until":"2027-05-01"}"#), "{found}");
    let unknown = get(server.address, "/warranty/XY-1", "").await;
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("XY-1"), "{unknown}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_continues_the_trace_of_its_request() {
    let mut server = Server::start().await;
    server.permits.add_permits(2);
    get(server.address, "/warranty/SN-0042", &format!("traceparent: {TRACE}\r\n")).await;
    assert_eq!(next(&mut server.traces).await.as_deref(), Some(TRACE));
    get(server.address, "/warranty/SN-0042", "").await;
    assert_eq!(next(&mut server.traces).await, None);
    server.stop().await;
}

#[tokio::test]
async fn a_process_is_ready_while_its_bus_is_healthy() {
    let server = Server::start().await;
    let (live, ready) = (get(server.address, "/health/live", "").await, get(server.address, "/health/ready", "").await);
    assert!(live.starts_with("HTTP/1.1 200 ") && ready.starts_with("HTTP/1.1 200 "), "{live}\n{ready}");
    assert!(ready.ends_with(r#"{"connected":true,"consumers":1,"consuming":1}"#), "{ready}");
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_drains_http_before_the_bus() {
    let mut server = Server::start().await;
    let request = tokio::spawn(get_owned(server.address));
    next(&mut server.traces).await;
    server.stop.notify_one();
    // New connections are refused, and the request that is under way still has the bus.
    guarded(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(server.bus.health().is_healthy() && !server.running.is_finished());
    server.permits.add_permits(1);
    let response = guarded(request).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    guarded(server.running).await.unwrap().unwrap();
    let refused = WarrantyClient::new(&server.bus).check("SN-0042").await.unwrap_err();
    assert!(matches!(refused, CallError::Closed { .. }), "{refused:?}");
}

async fn get_owned(address: SocketAddr) -> String {
    get(address, "/warranty/SN-0042", "").await
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_stops_the_process() {
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::process::Command;

    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-example"));
    command.arg("127.0.0.1:0").env_remove("LIGHTBUS_URL").stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = guarded(lines.next_line()).await.unwrap().unwrap();
    let address = line.strip_prefix("http://").and_then(|line| line.split('/').next()).unwrap().parse().unwrap();
    let response = get(address, "/warranty/SN-0042", "").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");

    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert!(guarded(process.wait()).await.unwrap().success());
    assert_eq!(guarded(lines.next_line()).await.unwrap().as_deref(), Some("stopped"));
}
