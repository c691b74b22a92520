//! Publishing events and handling them.
//!
//! What applications name most is at the top of the crate: [`HandlerError`](crate::HandlerError), [`Retries`],
//! [`DedupeStore`], [`RecentIds`](crate::RecentIds).

mod any;
mod dead_letter_hook;
pub(crate) mod dedupe;
pub(crate) mod handler;
pub(crate) mod handler_table;
mod in_progress;
mod layered;
mod publish;
pub(crate) mod recent_ids;
pub(crate) mod retries;
mod subscriber;

pub use self::any::AnyEvent;
pub use self::handler::{Handler, HandlerResult};
pub use self::publish::Publish;
pub use crate::protocol::dead_letter::DeadLetter;
pub use crate::protocol::failure::FailureReason;

pub(crate) use self::dead_letter_hook::DeadLetterHook;
pub(crate) use self::dedupe::{Dedupe, DedupeStore, DynDedupeStore, RepeatCounter};
pub(crate) use self::publish::{Publisher, PublisherSettings};
pub(crate) use self::retries::Retries;
pub(crate) use self::subscriber::{Read, Subscriber, SubscriberSettings, read_any, read_typed};
