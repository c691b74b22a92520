//! An axum server and a bus in one process.
//!
//! - Requests become calls, and their trace becomes that of the calls ([`Trace`]).
//! - `/health/live` answers as long as the process runs, and `/health/ready` while the bus is healthy.
//! - One graceful shutdown stops both ([`run`]): first the server answers the requests that it has, which may still use the bus,
//!   and then the bus shuts down.

mod trace;
mod warranty;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use lightbus::Bus;
use lightbus::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use self::trace::Trace;
pub use self::warranty::{Cover, Desk, Warranty, WarrantyClient, WarrantyError, WarrantyServer};

/// Serves HTTP until `stop` ends, and then shuts down: the server first, the bus last.
///
/// # Errors
///
/// Fails if the bus cannot shut down.
pub async fn run(
    bus: &Bus,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> lightbus::Result<()> {
    let server = axum::serve(listener, router(bus)).with_graceful_shutdown(stop);
    // The server ends once it has answered its last request.
    bus.run_until(server).await
}

fn router(bus: &Bus) -> Router {
    Router::new()
        .route("/warranty/{serial}", get(check))
        .with_state(WarrantyClient::new(bus))
        .route("/health/live", get(async || "alive"))
        .route("/health/ready", get(ready))
        .with_state(bus.clone())
}

async fn check(
    State(warranty): State<WarrantyClient>,
    Path(serial): Path<String>,
    trace: Trace,
) -> Result<Json<Cover>, (StatusCode, String)> {
    let cover = trace.on(warranty.check(&serial)).await;
    cover.map(Json).map_err(|error| (status(&error), error.to_string()))
}

/// Returns the HTTP status for a call that failed.
fn status(error: &CallError<WarrantyError>) -> StatusCode {
    match error {
        CallError::Method { error: WarrantyError::UnknownProduct { .. }, .. } => StatusCode::NOT_FOUND,
        CallError::NoServer { .. } => StatusCode::SERVICE_UNAVAILABLE,
        CallError::DeadlineExceeded { .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// A load balancer sends requests only while this answers 200.
async fn ready(State(bus): State<Bus>) -> (StatusCode, Json<Value>) {
    let health = bus.health();
    let status = if health.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let consuming = health.consumers.iter().filter(|consumer| consumer.consuming).count();
    let body = json!({"connected": health.connected, "consumers": health.consumers.len(), "consuming": consuming});
    (status, Json(body))
}
