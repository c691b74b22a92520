//! Events: published with [`Publish`], handled by subscriptions.

mod any;
mod dead_letter_hook;
mod dedupe;
mod handler;
mod in_progress;
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
pub use crate::protocol::dead_letter::DeadLetter;
pub use crate::protocol::failure::FailureReason;

pub(crate) use self::dead_letter_hook::DeadLetterHook;
pub(crate) use self::dedupe::{Dedupe, DynDedupeStore, RepeatCounter};
pub(crate) use self::publish::{Publisher, PublisherSettings};
pub(crate) use self::subscriber::{Read, Subscriber, SubscriberSettings, read_any, read_typed};
