//! How handlers run: the bus's tokio runtime, the handlers of a consumer, their pools, and what these share.

pub(crate) mod bus_runtime;
#[cfg(feature = "testing")]
pub(crate) mod causes;
pub(crate) mod guard;
pub(crate) mod handler_tasks;
pub(crate) mod lazy;
pub(crate) mod sync;
pub(crate) mod worker_pool;
