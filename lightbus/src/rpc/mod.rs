//! Calls: made by [`Call`], answered by a dispatcher.

mod argument;
mod arguments;
mod call;
mod caller;
mod client;
mod dispatch;
mod ending;
mod error;
mod fault;
mod invocation;
mod prepared;
mod returned;
mod server;

pub use self::call::Call;
pub use self::dispatch::Dispatch;
pub use self::error::{CallError, MessageKind, Servers};
pub use self::fault::{Fault, FaultCode, FaultDetails};
pub use self::invocation::{Invocation, Outcome};

#[doc(hidden)]
pub use self::argument::{Argument, Lend, Text};
#[doc(hidden)]
pub use self::arguments::{Arguments, Field};
#[doc(hidden)]
pub use self::client::Client;
#[doc(hidden)]
pub use self::invocation::invocation;
#[doc(hidden)]
pub use self::returned::{IsNoResult, Returned};

pub(crate) use self::caller::{Caller, CallerSettings};
pub(crate) use self::server::{Server, ServerSettings};
