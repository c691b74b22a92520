//! What almost every file that uses the bus needs: `use lightbus::prelude::*;`.

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::api::{Api, Event};
pub use crate::bus::Bus;
pub use crate::context::Context;
pub use crate::event::AnyEvent;
pub use crate::event::handler::HandlerError;
pub use crate::event::retries::Retries;
pub use crate::layer::Layered as _;
pub use crate::rpc::call::Call;
pub use crate::rpc::error::CallError;
