//! One request on its way through a generated dispatcher.

use std::fmt;
use std::sync::OnceLock;

use serde::de::{DeserializeOwned, Expected};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::fault::{Fault, FaultCode, FaultDetails};
use crate::api::ApiDescriptor;
use crate::context::Context;
use crate::protocol::codec::{self, Body, DecodeError, EncodeError};
use crate::protocol::message::{Encoding, Headers, Payload, ReplyKind};

/// One request on its way through a generated dispatcher.
#[derive(Debug)]
pub struct Invocation {
    api: &'static ApiDescriptor,
    method: SmolStr,
    arguments: Payload,
    /// The arguments once they are read.
    body: OnceLock<Result<Body, DecodeError>>,
    context: Context,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) kind: ReplyKind,
    pub(crate) payload: Payload,
    /// What the payload of a fault says.
    pub(crate) fault: Option<Box<Fault>>,
}

/// A call as a server receives it, for benchmarks of the dispatcher alone.
#[must_use]
pub fn invocation(api: &'static ApiDescriptor, method: &'static str, arguments: Payload) -> Invocation {
    let context = Context::new(SmolStr::default(), SmolStr::default(), 1, None, None, Headers::default());
    Invocation::new(api, SmolStr::new_static(method), arguments, context)
}

impl Invocation {
    pub(crate) fn new(api: &'static ApiDescriptor, method: SmolStr, arguments: Payload, context: Context) -> Self {
        Self { api, method, arguments, body: OnceLock::new(), context }
    }

    /// The name of the method that is called.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The context of the call, for its handler.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Finds the arguments of these names.
    ///
    /// # Errors
    ///
    /// The fault to answer with if the arguments are not a map.
    pub fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[Field<'_>; N], Outcome> {
        let mut places = [None; N];
        let body = self.find(&names, &mut places)?;
        let mut places = places.into_iter();
        Ok(names.map(|name| Field { invocation: self, body, name, place: places.next().flatten() }))
    }

    fn find(&self, names: &[&'static str], places: &mut [Option<usize>]) -> Result<&Body, Outcome> {
        let body = self.body()?;
        let found = body.find(names, places, &MapOf(&self.method));
        found.map_err(|error| self.invalid_arguments(&error))?;
        Ok(body)
    }

    /// Decodes all arguments at once, which may borrow from the request.
    ///
    /// # Errors
    ///
    /// The fault to answer with if they do not decode.
    pub fn arguments<'a, A: Deserialize<'a>>(&'a self) -> Result<A, Outcome> {
        self.body()?.decode().map_err(|error| self.invalid_arguments(&error))
    }

    fn body(&self) -> Result<&Body, Outcome> {
        let body = self.body.get_or_init(|| Body::new(&self.arguments));
        body.as_ref().map_err(|error| self.invalid_arguments(error))
    }

    /// The answer of a method that returns no `Result`.
    #[must_use]
    pub fn value<T: Serialize + DeserializeOwned>(&self, value: &T) -> Outcome {
        self.encode(ReplyKind::Ok, value)
    }

    /// The answer of a method that returns a `Result`.
    #[must_use]
    pub fn result<T, E>(&self, result: &Result<T, E>) -> Outcome
    where
        T: Serialize + DeserializeOwned,
        E: Serialize + DeserializeOwned,
    {
        match result {
            Ok(value) => self.encode(ReplyKind::Ok, value),
            Err(error) => self.encode(ReplyKind::Error, error),
        }
    }

    /// The answer when the API has no such method.
    #[must_use]
    pub fn unknown_method(&self) -> Outcome {
        let methods: Vec<String> = self.api.methods().iter().map(|method| method.name().to_owned()).collect();
        let message = format!("the API {} has no method {:?}", self.api.name(), self.method);
        let details = FaultDetails { methods, ..FaultDetails::default() };
        self.fault(&Fault { code: FaultCode::UnknownMethod, message, details })
    }

    fn invalid_arguments(&self, error: &DecodeError) -> Outcome {
        let path = match error {
            DecodeError::Value { path, .. } => path.clone(),
            DecodeError::TooDeep | DecodeError::UnsupportedContentType(_) => String::new(),
        };
        let details = FaultDetails { path, ..FaultDetails::default() };
        self.fault(&Fault { code: FaultCode::InvalidArguments, message: error.to_string(), details })
    }

    fn encode<T: Serialize + DeserializeOwned>(&self, kind: ReplyKind, value: &T) -> Outcome {
        self.outcome(kind, codec::encode_checked(self.arguments.encoding.clone(), value))
    }

    fn outcome(&self, kind: ReplyKind, encoded: Result<Payload, EncodeError>) -> Outcome {
        match encoded {
            Ok(payload) => Outcome { kind, payload, fault: None },
            Err(error) => self.fault(&Fault::new(FaultCode::InvalidReply, error.to_string())),
        }
    }

    /// The name of the method, as messages hold it.
    pub(crate) fn method_name(&self) -> &SmolStr {
        &self.method
    }

    /// How long the arguments are, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.arguments.bytes.len()
    }

    pub(crate) fn as_arguments(&self) -> &Payload {
        &self.arguments
    }

    /// The arguments, as they came.
    pub(crate) fn into_arguments(self) -> Payload {
        self.arguments
    }

    pub(crate) fn fault(&self, fault: &Fault) -> Outcome {
        Outcome::fault(&self.arguments.encoding, fault)
    }
}

impl Outcome {
    /// A fault in the encoding of the request, or in MessagePack if the request's cannot be written.
    pub(crate) fn fault(encoding: &Encoding, fault: &Fault) -> Self {
        let encoding = match encoding {
            Encoding::Json => Encoding::Json,
            Encoding::MessagePack | Encoding::Unsupported(_) => Encoding::MessagePack,
        };
        // A fault is made of text and numbers, which always encode.
        let payload = codec::encode(encoding, fault).unwrap_or_default();
        Self { kind: ReplyKind::Fault, payload, fault: Some(Box::new(fault.clone())) }
    }
}

/// An argument of a request, not decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Field<'i> {
    invocation: &'i Invocation,
    body: &'i Body,
    name: &'static str,
    place: Option<usize>,
}

impl<'i> Field<'i> {
    /// Decodes the argument, which may borrow from the request.
    ///
    /// # Errors
    ///
    /// The fault to answer with if it does not decode.
    pub fn decode<T: Deserialize<'i>>(self) -> Result<T, Outcome> {
        self.body.field(self.name, self.place).map_err(|error| self.invocation.invalid_arguments(&error))
    }

    /// Decodes the argument. It is the default of its type if it is missing.
    ///
    /// # Errors
    ///
    /// The fault to answer with if it does not decode.
    pub fn decode_or_default<T: Deserialize<'i> + Default>(self) -> Result<T, Outcome> {
        if self.place.is_some() { self.decode() } else { Ok(T::default()) }
    }
}

/// The expectation that a fault names if the arguments are not a map.
struct MapOf<'m>(&'m str);

impl Expected for MapOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of the arguments of {}", self.0)
    }
}
