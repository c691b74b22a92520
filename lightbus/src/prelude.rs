//! What almost every file that uses the bus needs: `use lightbus::prelude::*;`.

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::api::{Api, Event};
pub use crate::bus::Bus;
pub use crate::context::Context;
pub use crate::event::{AnyEvent, HandlerError, Retries};
pub use crate::rpc::{Call, CallError};
