//! What `#[lightbus::api]` says of an API: its description and its events.
//!
//! Users meet [`Api`] and [`Event`] as bounds and read descriptors; they do not implement these traits by hand.

pub mod schema;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::schema::{ApiSchema, ArgumentsSchema, Describer, EventSchema, MethodSchema, Probe, SchemaOf, annotate};
use crate::protocol::name::NameKind;

/// An API: methods that can be called and events that can be subscribed to, under one name.
///
/// `#[lightbus::api]` on a trait `Warranty` implements it for `WarrantyApi`.
pub trait Api: Send + Sync + 'static {
    /// Everything that is known of the API at compile time.
    const DESCRIPTOR: &'static ApiDescriptor;

    /// The decoders of the API's types, which the schema is made with. Nothing else compiles them.
    #[doc(hidden)]
    const PROBES: &'static [Probe] = &[];

    /// The JSON Schema of every method and event of the API.
    #[must_use]
    fn schema() -> ApiSchema
    where
        Self: Sized,
    {
        let mut schema = Self::DESCRIPTOR.schema();
        annotate(&mut schema, Self::PROBES);
        schema
    }
}

/// An event of an API.
///
/// `#[lightbus::api]` implements it for the struct that it generates from each `#[event]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "`#[event]` in a trait with `#[lightbus::api]` generates the struct of an event, and handlers take it by value: \
            `|sold: ProductSold|`"
)]
pub trait Event: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The API that the event belongs to.
    type Api: Api;

    /// The event's name within its API, such as `product_registered`.
    const NAME: &'static str;
}

/// Everything that is known of an API at compile time.
#[derive(Debug)]
pub struct ApiDescriptor {
    name: &'static str,
    docs: &'static str,
    methods: &'static [&'static MethodDescriptor],
    events: &'static [&'static EventDescriptor],
    version: Option<&'static str>,
}

impl ApiDescriptor {
    /// Describes an API. Generated code calls it in a constant.
    ///
    /// # Panics
    ///
    /// At compile time, when a name is not valid.
    #[must_use]
    pub const fn new(
        name: &'static str,
        docs: &'static str,
        methods: &'static [&'static MethodDescriptor],
        events: &'static [&'static EventDescriptor],
    ) -> Self {
        assert!(NameKind::Api.problem(name).is_none(), "the name of the API is not valid");
        Self { name, docs, methods, events, version: None }
    }

    /// The version of the crate that the trait is in.
    #[must_use]
    pub const fn with_version(mut self, version: Option<&'static str>) -> Self {
        self.version = version;
        self
    }

    /// The API's name, such as `company.warranty`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The trait's documentation. Empty when it has none.
    #[must_use]
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The version of the crate that the trait is in. Cargo sets it.
    #[must_use]
    pub const fn version(&self) -> Option<&'static str> {
        self.version
    }

    /// The methods, in the order of the trait.
    #[must_use]
    pub const fn methods(&self) -> &'static [&'static MethodDescriptor] {
        self.methods
    }

    /// The events, in the order of the trait.
    #[must_use]
    pub const fn events(&self) -> &'static [&'static EventDescriptor] {
        self.events
    }

    /// The method of that name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&'static MethodDescriptor> {
        self.methods.iter().copied().find(|method| method.name == name)
    }

    /// The JSON Schema of every method and event.
    #[must_use]
    pub fn schema(&self) -> ApiSchema {
        let mut describer = Describer::new();
        let methods: Vec<_> = self
            .methods
            .iter()
            .map(|method| {
                let error = method.error.map(|error| describer.describe(error));
                (method, describer.describe_arguments(method.arguments), describer.describe(method.returns), error)
            })
            .collect();
        let events: Vec<_> = self.events.iter().map(|event| (event, describer.describe(event.fields))).collect();
        let definitions = describer.finish();
        let mut schema = ApiSchema::empty(self.name.to_owned());
        schema.version = self.version.map(str::to_owned);
        schema.description = self.docs.to_owned();
        for (method, arguments, returns, error) in methods {
            let described = MethodSchema {
                description: method.docs.to_owned(),
                deprecated: method.deprecated.map(str::to_owned),
                timeout: method.timeout,
                idempotent: method.idempotent,
                arguments: definitions.schema(arguments),
                returns: definitions.schema(returns),
                error: error.map(|error| definitions.schema(error)),
            };
            schema.methods.insert(method.name.to_owned(), described);
        }
        for (event, fields) in events {
            let described = EventSchema {
                description: event.docs.to_owned(),
                deprecated: event.deprecated.map(str::to_owned),
                fields: definitions.schema(fields),
            };
            schema.events.insert(event.name.to_owned(), described);
        }
        schema.definitions = definitions.all;
        schema
    }
}

/// Everything that is known of a method at compile time.
#[derive(Debug)]
pub struct MethodDescriptor {
    name: &'static str,
    docs: &'static str,
    timeout: Option<Duration>,
    idempotent: bool,
    deprecated: Option<&'static str>,
    arguments: ArgumentsSchema,
    returns: SchemaOf,
    error: Option<SchemaOf>,
}

impl MethodDescriptor {
    /// Describes a method that returns no `Result`. Generated code calls it in a constant.
    ///
    /// # Panics
    ///
    /// At compile time, when the name is not valid.
    #[must_use]
    pub const fn new(name: &'static str, docs: &'static str, arguments: ArgumentsSchema, returns: SchemaOf) -> Self {
        assert!(NameKind::Member.problem(name).is_none(), "the name of a method is not valid");
        Self { name, docs, timeout: None, idempotent: false, deprecated: None, arguments, returns, error: None }
    }

    /// The method returns a `Result` with this error.
    #[must_use]
    pub const fn with_error(mut self, error: SchemaOf) -> Self {
        self.error = Some(error);
        self
    }

    /// Calls wait this long unless the call says otherwise.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Running the method twice has the same effect as running it once.
    #[must_use]
    pub const fn with_idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Marks the method as deprecated, with a note that may be empty.
    #[must_use]
    pub const fn with_deprecated(mut self, note: &'static str) -> Self {
        self.deprecated = Some(note);
        self
    }

    /// The names of the arguments in the order of the trait. `None` if a struct stands for them.
    #[cfg(feature = "testing")]
    pub(crate) fn argument_names(&self) -> Option<Vec<&'static str>> {
        match self.arguments {
            ArgumentsSchema::Each(arguments) => Some(arguments.iter().map(|(name, ..)| *name).collect()),
            ArgumentsSchema::Struct(_) => None,
        }
    }

    /// Whether the method returns a `Result`.
    #[cfg(feature = "testing")]
    pub(crate) const fn is_fallible(&self) -> bool {
        self.error.is_some()
    }

    /// The method's name on the wire, such as `check`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The method's documentation. Empty when it has none.
    #[must_use]
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// How long calls wait, when the method has a default of its own: `#[rpc(timeout = "2s")]`.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the method is run again when its server died: `#[rpc(idempotent)]`.
    #[must_use]
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// The note of `#[deprecated]`, which may be empty.
    #[must_use]
    pub const fn deprecated(&self) -> Option<&'static str> {
        self.deprecated
    }
}

/// Everything that is known of an event at compile time.
#[derive(Debug)]
pub struct EventDescriptor {
    name: &'static str,
    docs: &'static str,
    deprecated: Option<&'static str>,
    fields: SchemaOf,
}

impl EventDescriptor {
    /// Describes an event. Generated code calls it in a constant.
    ///
    /// # Panics
    ///
    /// At compile time, when the name is not valid.
    #[must_use]
    pub const fn new(name: &'static str, docs: &'static str, fields: SchemaOf) -> Self {
        assert!(NameKind::Member.problem(name).is_none(), "the name of an event is not valid");
        Self { name, docs, deprecated: None, fields }
    }

    /// Marks the event as deprecated, with a note that may be empty.
    #[must_use]
    pub const fn with_deprecated(mut self, note: &'static str) -> Self {
        self.deprecated = Some(note);
        self
    }

    /// The event's name on the wire, such as `product_registered`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The event's documentation. Empty when it has none.
    #[must_use]
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The note of `#[deprecated]`, which may be empty.
    #[must_use]
    pub const fn deprecated(&self) -> Option<&'static str> {
        self.deprecated
    }
}
