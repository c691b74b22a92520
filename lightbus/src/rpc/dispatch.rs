//! What serves an API.

use super::invocation::{Invocation, Outcome};
use crate::api::Api;

/// Turns requests for one API into calls of an implementation.
///
/// `#[lightbus::api]` on a trait `Warranty` implements it for `WarrantyServer<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not serve an API",
    label = "not the server of an API",
    note = "`#[lightbus::api]` on a trait `Warranty` generates its server, which takes an implementation of the trait: \
            `bus.serve(WarrantyServer::new(desk))`"
)]
pub trait Dispatch: Send + Sync + 'static {
    /// The API that is served.
    type Api: Api;

    /// Runs the method that the invocation names. An `Err` is the fault that says why it was not run.
    fn dispatch<'i>(&'i self, invocation: &'i Invocation)
    -> impl Future<Output = Result<Outcome, Outcome>> + Send + 'i;
}
