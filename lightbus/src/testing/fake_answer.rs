//! Closures that answer calls.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::protocol::codec;
use crate::protocol::message::Encoding;
use crate::rpc::{Fault, FaultCode, Invocation, Outcome};

/// Answers the calls of a method in a [`Fake`](super::Fake).
///
/// Implemented for closures that take up to eight arguments that can be decoded, and return something that can be encoded.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer calls",
    label = "not a closure that answers calls",
    note = "it takes owned arguments with their types, such as `|serial: String, year: u16|`, and is not async"
)]
pub trait FakeAnswer<Parameters>: Send + 'static {
    /// What it returns.
    type Reply: Serialize;

    /// How many arguments it takes.
    #[doc(hidden)]
    const PARAMETERS: usize;

    /// Answers a call. An `Err` is the fault that says why it could not be answered.
    #[doc(hidden)]
    fn answer(
        &mut self,
        invocation: &Invocation,
        names: Option<&[&'static str]>,
        is_fallible: bool,
    ) -> Result<Outcome, Outcome>;
}

macro_rules! answers {
    ($count:literal $($parameter:ident)*) => {
        impl<Closure, Reply, $($parameter),*> FakeAnswer<($($parameter,)*)> for Closure
        where
            Closure: FnMut($($parameter),*) -> Reply + Send + 'static,
            Reply: Serialize,
            $($parameter: DeserializeOwned,)*
        {
            type Reply = Reply;

            const PARAMETERS: usize = $count;

            #[allow(non_snake_case, clippy::unused_unit, reason = "the types stand for the values, of which there may be none")]
            fn answer(
                &mut self,
                invocation: &Invocation,
                names: Option<&[&'static str]>,
                is_fallible: bool,
            ) -> Result<Outcome, Outcome> {
                let ($($parameter,)*) = match names {
                    None => answers!(@whole invocation $($parameter)*),
                    Some(names) => {
                        let mut names = names.iter().copied();
                        let names: [&'static str; $count] = std::array::from_fn(|_| names.next().unwrap_or_default());
                        let [$($parameter),*] = invocation.fields(names)?;
                        ($($parameter.decode::<$parameter>()?,)*)
                    }
                };
                encoded(invocation, &self($($parameter),*), is_fallible)
            }
        }
    };
    (@whole $invocation:ident $only:ident) => {
        ($invocation.arguments::<$only>()?,)
    };
    (@whole $invocation:ident $($parameter:ident)*) => {
        // The number of arguments was checked before.
        return Err($invocation.unknown_method())
    };
}

answers!(0);
answers!(1 A);
answers!(2 A B);
answers!(3 A B C);
answers!(4 A B C D);
answers!(5 A B C D E);
answers!(6 A B C D E F);
answers!(7 A B C D E F G);
answers!(8 A B C D E F G H);

/// Whether a type is a `Result`.
pub(super) fn returns_result<T>() -> bool {
    std::any::type_name::<T>().starts_with("core::result::Result<")
}

/// Encodes what a closure has returned. Serde writes a `Result` as an object whose only member is `Ok` or `Err`.
fn encoded<T: Serialize>(invocation: &Invocation, reply: &T, is_fallible: bool) -> Result<Outcome, Outcome> {
    let invalid = |error: &dyn ToString| invocation.fault(&Fault::new(FaultCode::InvalidReply, error.to_string()));
    let payload = codec::encode(Encoding::MessagePack, reply).map_err(|error| invalid(&error))?;
    let value: Value = codec::decode(&payload).map_err(|error| invalid(&error))?;
    if !is_fallible {
        return Ok(invocation.value(&value));
    }
    match value {
        Value::Object(mut result) => match (result.remove("Ok"), result.remove("Err")) {
            (Some(value), None) => Ok(invocation.result::<Value, Value>(&Ok(value))),
            (None, Some(error)) => Ok(invocation.result::<Value, Value>(&Err(error))),
            _ => Err(invalid(&"it is not a `Result`")),
        },
        _ => Err(invalid(&"it is not a `Result`")),
    }
}
