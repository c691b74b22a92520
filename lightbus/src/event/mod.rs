//! Events: published with [`Publish`], handled by subscriptions.

mod any;
mod claims;
mod dedupe;
mod handler;
mod publish;
mod recent_ids;
mod retries;
mod subscriber;

pub use self::any::AnyEvent;
pub use self::dedupe::DedupeStore;
pub use self::handler::{Handler, HandlerError, HandlerResult};
pub use self::publish::Publish;
pub use self::recent_ids::RecentIds;
pub use self::retries::Retries;
pub use crate::dead_letter::DeadLetter;
pub use crate::failure::FailureReason;

pub(crate) use self::dedupe::{AnyStore, Dedupe, Repeats};
pub(crate) use self::publish::{Publisher, PublisherSettings};
pub(crate) use self::subscriber::{Read, Subscriber, SubscriberSettings, read_any, read_typed};
