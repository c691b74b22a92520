//! The settings of a bus and where they come from.
//!
//! From lowest to highest: the defaults, the file `lightbus.toml` in the working directory (or the file that
//! `LIGHTBUS_CONFIG` names), the environment variables `LIGHTBUS_*`, and the builder. An application can give
//! [`Settings`] of its own in place of the file.

mod settings;
mod table;
mod url;

pub use self::settings::{QueueType, Settings};
pub use self::url::BusUrl;

pub(crate) use self::settings::Layer;
pub(crate) use self::url::Location;
