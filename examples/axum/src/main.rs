//! Runs the example: `cargo run -p axum-example`, and then `curl localhost:8080/warranty/SN-0042`.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use axum_example::{Desk, WarrantyServer, run};
use lightbus::Bus;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The bus is in this process, unless LIGHTBUS_URL names a RabbitMQ such as amqp://guest:guest@localhost:5672.
    let url = std::env::var("LIGHTBUS_URL").unwrap_or_else(|_| "memory://web".into());
    let bus = Bus::service("web").url(url).connect().await?;
    bus.serve(WarrantyServer::new(Desk)).await?;

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(address).await?;
    let stop = stop_signal()?;
    println!("http://{}/warranty/SN-0042; Ctrl-C ends it", listener.local_addr()?);
    run(&bus, listener, stop).await?;
    println!("stopped");
    Ok(())
}

/// Listens for SIGINT and SIGTERM from now on, and returns a future that ends with the first of them.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns a future that ends with Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
