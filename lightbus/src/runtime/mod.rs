//! How handlers run: the tasks of one process, their pools, and what they share.

pub(crate) mod guard;
pub(crate) mod handler_tasks;
pub(crate) mod lazy;
pub(crate) mod sync;
pub(crate) mod worker_pool;
