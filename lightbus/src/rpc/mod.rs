//! Calling methods and serving them.
//!
//! [`Call`](crate::Call) and [`CallError`](crate::CallError) are at the top of the crate.

mod argument;
mod arguments;
pub(crate) mod call;
mod caller;
mod client;
mod completion;
mod dispatch;
pub(crate) mod error;
mod fault;
mod invocation;
mod layered;
mod prepared;
mod returned;
mod server;
mod servers;

pub use self::dispatch::Dispatch;
pub use self::error::MessageKind;
pub use self::fault::{Fault, FaultCode, FaultDetails};
pub use self::servers::Servers;

#[doc(hidden)]
pub use self::argument::{Argument, Lend, StrArgument};
#[doc(hidden)]
pub use self::arguments::Arguments;
#[doc(hidden)]
pub use self::client::Client;
#[doc(hidden)]
pub use self::invocation::{Field, Invocation, Outcome, invocation};
#[doc(hidden)]
pub use self::returned::{IsNoResult, Returned};

pub(crate) use self::caller::{Caller, CallerSettings};
pub(crate) use self::completion::{CompletedCall, Completion};
pub(crate) use self::prepared::Decode;
pub(crate) use self::server::{Server, ServerSettings};
