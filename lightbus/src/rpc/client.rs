//! The part that all generated clients share.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::arguments::Arguments;
use super::call::Call;
use super::caller::Caller;
use super::prepared::{Decode, PreparedCall};
use crate::api::{ApiDescriptor, MethodDescriptor};
use crate::layer::Layer;
use crate::meter::{MeterGroup, Meters};
use crate::protocol::codec;
use crate::protocol::headers::ChosenHeaders;
use crate::recorder::RecordKind;

/// The part that all generated clients share: an API and a way to call it.
#[derive(Debug, Clone)]
pub struct Client {
    api: &'static ApiDescriptor,
    caller: Caller,
    meters: Arc<MeterGroup>,
}

impl Client {
    pub(crate) fn new(api: &'static ApiDescriptor, caller: Caller, meters: &Meters) -> Self {
        let methods = api.methods().iter().map(|method| method.name());
        Self { api, caller, meters: meters.group(RecordKind::CallSent, api.name(), methods) }
    }

    /// Adds a layer around the calls.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.caller.add_layer(layer);
        self
    }

    /// Prepares a call of a method that returns no `Result`.
    pub fn call<T: DeserializeOwned>(&self, method: &'static MethodDescriptor, arguments: Arguments) -> Call<T> {
        self.prepare(method, arguments, Decode { value: codec::decode, error: None })
    }

    /// Prepares a call of a method that returns a `Result`.
    pub fn call_fallible<T, E>(&self, method: &'static MethodDescriptor, arguments: Arguments) -> Call<T, E>
    where
        T: DeserializeOwned,
        E: DeserializeOwned,
    {
        self.prepare(method, arguments, Decode { value: codec::decode, error: Some(codec::decode) })
    }

    fn prepare<T, E>(
        &self,
        method: &'static MethodDescriptor,
        arguments: Arguments,
        decode: Decode<T, E>,
    ) -> Call<T, E> {
        let prepared = PreparedCall {
            api: self.api.name(),
            method: method.name(),
            arguments: arguments.finish(),
            idempotent: method.is_idempotent(),
            method_timeout: method.timeout(),
            timeout: None,
            context: None,
            trace: None,
            headers: ChosenHeaders::default(),
            meter: Arc::clone(self.meters.of(method.name())),
        };
        Call::new(self.caller.clone(), prepared, decode)
    }
}
