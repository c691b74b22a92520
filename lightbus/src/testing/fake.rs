//! Fake servers, made of closures.

use std::collections::HashMap;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use super::TestBus;
use super::assertions::check_method;
use super::fake_answer::{FakeAnswer, returns_result};
use super::ledger::Ledger;
use crate::api::{Api, MethodDescriptor};
use crate::error::Error;
use crate::protocol::codec;
use crate::protocol::message::full_name;
use crate::rpc::{Dispatch, Fault, FaultCode, Invocation, Outcome};
use crate::runtime::sync::lock;

type Method = Box<dyn FnMut(&Invocation) -> Result<Outcome, Outcome> + Send>;

/// A fake server of an API, which is about to be served. Awaiting it serves it. Returned by [`TestBus::fake`].
///
/// Methods that the test does not give are not expected: if one is called, the call fails and so does the test.
///
/// ```
/// # use lightbus::prelude::*;
/// # use lightbus::testing::TestBus;
/// # #[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
/// # pub enum WarrantyError { #[error("unknown product")] UnknownProduct }
/// # #[lightbus::api(name = "company.warranty")]
/// # pub trait Warranty {
/// #     async fn check(&self, serial: &str, year: u16) -> Result<u16, WarrantyError>;
/// #     async fn registered(&self) -> u64;
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lightbus::Result<()> {
/// let bus = TestBus::new().await;
/// bus.fake::<WarrantyApi>()
///     .on("check", |serial: String, year: u16| match serial.as_str() {
///         "SN-0042" => Ok(year + 2),
///         _ => Err(WarrantyError::UnknownProduct),
///     })
///     .on("registered", || 1_u64)
///     .await?;
///
/// let warranty = WarrantyClient::new(bus.tester());
/// assert_eq!(warranty.check("SN-0042", 2026).await?, 2028);
/// assert_eq!(warranty.registered().await?, 1);
/// # Ok(()) }
/// ```
#[must_use = "a fake is served once this is awaited"]
pub struct Fake<'b, A> {
    bus: &'b TestBus,
    methods: HashMap<&'static str, Method>,
    api: PhantomData<fn() -> A>,
}

impl<'b, A: Api> Fake<'b, A> {
    pub(super) fn new(bus: &'b TestBus) -> Self {
        Self { bus, methods: HashMap::new(), api: PhantomData }
    }

    /// Answers a method with a closure, which takes the method's arguments in the order of the trait, as owned values, and
    /// returns what the method returns: a `Result` if that does.
    ///
    /// If arguments of the method have attributes of serde, the closure takes all arguments in one value, such as a
    /// [`serde_json::Value`].
    ///
    /// # Panics
    ///
    /// If the API has no such method, or the closure takes another number of arguments or returns no `Result` in place of one.
    #[track_caller]
    pub fn on<P: 'static, F: FakeAnswer<P>>(mut self, method: &str, mut answer: F) -> Self {
        check_method(A::DESCRIPTOR, method);
        let Some(descriptor) = A::DESCRIPTOR.method(method) else { return self };
        let names = check_closure::<P, F>(A::DESCRIPTOR.name(), descriptor);
        let is_fallible = descriptor.is_fallible();
        let method = move |invocation: &Invocation| answer.answer(invocation, names.as_deref(), is_fallible);
        self.methods.insert(descriptor.name(), Box::new(method));
        self
    }
}

/// Checks what can be known of a closure before it is called, and returns the names of the method's arguments.
#[track_caller]
#[allow(clippy::panic, reason = "a mistake in the test")]
fn check_closure<P, F: FakeAnswer<P>>(api: &str, method: &MethodDescriptor) -> Option<Vec<&'static str>> {
    let (name, names) = (full_name(api, method.name()), method.argument_names());
    let (expected, arguments) = match &names {
        Some(names) => (names.len(), format!("({})", names.join(", "))),
        None => (1, "all of them in one value".to_owned()),
    };
    if F::PARAMETERS != expected {
        panic!("{name} has {expected} arguments, {arguments}, and the closure of its fake takes {}", F::PARAMETERS);
    }
    if returns_result::<F::Reply>() != method.is_fallible() {
        let (is, wanted) = if method.is_fallible() { ("a", "no") } else { ("no", "a") };
        panic!("{name} returns {is} `Result`, and the closure of its fake returns {wanted} `Result`");
    }
    names
}

impl<'b, A: Api> IntoFuture for Fake<'b, A> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { bus, methods, .. } = self;
        let server =
            FakeServer { methods: Mutex::new(methods), ledger: Arc::clone(&bus.ledger), api: PhantomData::<fn() -> A> };
        Box::pin(async move { bus.connect_fake().await?.serve(server).await.map(|_| ()) })
    }
}

struct FakeServer<A> {
    methods: Mutex<HashMap<&'static str, Method>>,
    ledger: Arc<Ledger>,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Dispatch for FakeServer<A> {
    type Api = A;

    async fn dispatch(&self, invocation: &Invocation) -> Result<Outcome, Outcome> {
        let (name, caller) = (invocation.method(), invocation.context().service());
        let full_name = full_name(A::DESCRIPTOR.name(), name);
        if A::DESCRIPTOR.method(name).is_none() {
            return Ok(invocation.unknown_method());
        }
        let mut methods = lock(&self.methods);
        let Some(method) = methods.get_mut(name) else {
            let mistake =
                format!("{caller} called {full_name}, which its fake does not answer: add `.on(\"{name}\", …)`");
            self.ledger.add_mistake(mistake.clone());
            return Err(invocation.fault(&Fault::new(FaultCode::HandlerPanicked, mistake)));
        };
        method(invocation).inspect_err(|outcome| {
            let fault: Option<Fault> = codec::decode(&outcome.payload).ok();
            let message = fault.map(|fault| fault.message).unwrap_or_default();
            let mistake = format!("the fake of {full_name} could not answer {caller}: {message}");
            self.ledger.add_mistake(mistake);
        })
    }
}

impl<A: Api> fmt::Debug for Fake<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("api", &A::DESCRIPTOR.name()).finish_non_exhaustive()
    }
}
