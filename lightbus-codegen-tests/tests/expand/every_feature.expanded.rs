#[cfg(feature = "warranty")]
/// Everything that a trait can say.
#[allow(clippy::too_many_arguments)]
pub(crate) trait Warranty: Audited + ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Arguments in every form.
    fn every_form(
        &self,
        by_value: u64,
        text: &str,
        list: &[u8],
        other: &Part,
        ctx: &Context,
        max: Option<u32>,
    ) -> impl ::core::future::Future<
        Output = Result<Vec<Part>, WarrantyError>,
    > + ::core::marker::Send;
    /// The method `type_of` of `company.warranty`.
    #[deprecated = "ask for the part"]
    #[expect(clippy::wrong_self_convention, reason = "it is the word for it")]
    fn r#type(
        &self,
        r#in: &str,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send {
        async move { format!("a {in}", r#in = r#in) }
    }
    #[cfg(unix)]
    /// The method `home` of `company.warranty`.
    fn home(
        &self,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
    #[cfg(not(unix))]
    /// The method `home` of `company.warranty`.
    fn home(
        &self,
        drive: char,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
}
#[cfg(feature = "warranty")]
/// The description of `company.warranty`: its name, its methods, its events and their schema.
///
/// Everything that a trait can say.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
pub(crate) struct WarrantyApi;
#[cfg(feature = "warranty")]
/// Serves `company.warranty` with an implementation of [`Warranty`].
///
/// Everything that a trait can say.
#[allow(dead_code)]
pub(crate) struct WarrantyServer<T> {
    service: ::std::sync::Arc<T>,
}
#[cfg(feature = "warranty")]
/// Calls the methods of `company.warranty`.
///
/// Everything that a trait can say.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
pub(crate) struct WarrantyClient {
    client: crate::bus::__private::Client,
}
#[cfg(feature = "warranty")]
/// The event `registered` of `company.warranty`.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
#[derive(PartialEq, Default)]
#[derive(
    crate::bus::__private::serde::Serialize,
    crate::bus::__private::serde::Deserialize
)]
#[serde(crate = "crate::bus::__private::serde")]
#[serde(default)]
pub(crate) struct Registration {
    /// The event's `serial`.
    pub(crate) serial: String,
    /// Who bought it.
    #[serde(rename = "buyer")]
    pub(crate) customer: u64,
}
#[cfg(feature = "warranty")]
#[doc(hidden)]
#[allow(dead_code, nonstandard_style)]
struct __two_events_have_a_struct_Registration__name_one_by_event_type;
#[cfg(feature = "warranty")]
#[cfg(unix)]
/// Nothing more to say.
#[deprecated]
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
#[derive(
    crate::bus::__private::serde::Serialize,
    crate::bus::__private::serde::Deserialize
)]
#[serde(crate = "crate::bus::__private::serde")]
pub(crate) struct Nothing {}
#[cfg(feature = "warranty")]
#[cfg(unix)]
#[doc(hidden)]
#[allow(dead_code, nonstandard_style)]
struct __two_events_have_a_struct_Nothing__name_one_by_event_type;
#[cfg(feature = "warranty")]
#[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
#[allow(clippy::too_many_arguments)]
const _: () = {
    #[allow(unused_imports)]
    use ::core::convert::Into as _;
    #[cfg(unix)]
    struct __method_home;
    #[cfg(not(unix))]
    struct __method_home;
    const _: fn() = || {
        crate::bus::__private::described::<[u8]>();
        crate::bus::__private::described::<Part>();
        crate::bus::__private::described::<Option<u32>>();
        #[cfg(not(unix))] crate::bus::__private::described::<char>();
    };
    #[derive(
        crate::bus::__private::serde::Serialize,
        crate::bus::__private::serde::Deserialize
    )]
    #[serde(crate = "crate::bus::__private::serde")]
    #[serde(expecting = "a map of the arguments of every_form")]
    #[derive(crate::bus::__private::schemars::JsonSchema)]
    #[schemars(crate = "crate::bus::__private::schemars")]
    struct __every_form_arguments<'a> {
        by_value: u64,
        #[serde(borrow)]
        text: crate::bus::__private::Argument<
            'a,
            str,
            crate::bus::__private::StrArgument<'a>,
        >,
        list: crate::bus::__private::Argument<'a, [u8], ::std::vec::Vec<u8>>,
        other: crate::bus::__private::Argument<
            'a,
            Part,
            <Part as crate::bus::__private::Lend>::Owned,
        >,
        #[serde(default, rename = "limit")]
        #[schemars(range(max = 100))]
        /// At most so many.
        max: Option<u32>,
    }
    const __every_form_method: &crate::bus::__private::MethodDescriptor = &crate::bus::__private::MethodDescriptor::new(
            "every_form",
            "Arguments in every form.",
            crate::bus::__private::ArgumentsSchema::Struct(
                crate::bus::__private::inline::<__every_form_arguments<'static>>,
            ),
            crate::bus::__private::reference::<Vec<Part>>,
        )
        .with_error(crate::bus::__private::reference::<WarrantyError>);
    const __type_method: &crate::bus::__private::MethodDescriptor = &crate::bus::__private::MethodDescriptor::new(
            "type_of",
            "",
            crate::bus::__private::ArgumentsSchema::Each(
                &[
                    (
                        "in",
                        "",
                        crate::bus::__private::property::<
                            crate::bus::__private::StrArgument<'static>,
                        >,
                    ),
                ],
            ),
            crate::bus::__private::reference::<String>,
        )
        .with_timeout(::core::time::Duration::from_millis(60000u64))
        .with_idempotent()
        .with_deprecated("ask for the part");
    #[cfg(unix)]
    const __home_method: &crate::bus::__private::MethodDescriptor = &crate::bus::__private::MethodDescriptor::new(
        "home",
        "",
        crate::bus::__private::ArgumentsSchema::Each(&[]),
        crate::bus::__private::reference::<String>,
    );
    #[cfg(not(unix))]
    const __home_method: &crate::bus::__private::MethodDescriptor = &crate::bus::__private::MethodDescriptor::new(
        "home",
        "",
        crate::bus::__private::ArgumentsSchema::Each(
            &[("drive", "", crate::bus::__private::property::<char>)],
        ),
        crate::bus::__private::reference::<String>,
    );
    const __Registration_event: &crate::bus::__private::EventDescriptor = &crate::bus::__private::EventDescriptor::new(
        "registered",
        "",
        crate::bus::__private::inline::<Registration>,
    );
    #[cfg(unix)]
    const __Nothing_event: &crate::bus::__private::EventDescriptor = &crate::bus::__private::EventDescriptor::new(
            "nothing",
            "Nothing more to say.",
            crate::bus::__private::inline::<Nothing>,
        )
        .with_deprecated("");
    impl crate::bus::__private::Api for WarrantyApi {
        const DESCRIPTOR: &'static crate::bus::__private::ApiDescriptor = &crate::bus::__private::ApiDescriptor::new(
                "company.warranty",
                "Everything that a trait can say.",
                &[
                    __every_form_method,
                    __type_method,
                    #[cfg(unix)]
                    __home_method,
                    #[cfg(not(unix))]
                    __home_method,
                ],
                &[__Registration_event, #[cfg(unix)] __Nothing_event],
            )
            .with_version(::core::option_env!("CARGO_PKG_VERSION"));
        const PROBES: &'static [crate::bus::__private::Probe] = &[
            crate::bus::__private::Probe::new(
                "every_form",
                crate::bus::__private::Part::Arguments,
                |input| crate::bus::__private::probe::<__every_form_arguments<'_>>(input),
            ),
            crate::bus::__private::Probe::new(
                "every_form",
                crate::bus::__private::Part::Answer,
                |input| crate::bus::__private::probe::<Vec<Part>>(input),
            ),
            crate::bus::__private::Probe::new(
                "every_form",
                crate::bus::__private::Part::Error,
                |input| crate::bus::__private::probe::<WarrantyError>(input),
            ),
            crate::bus::__private::Probe::new(
                "type_of",
                crate::bus::__private::Part::Answer,
                |input| crate::bus::__private::probe::<String>(input),
            ),
            #[cfg(unix)]
            crate::bus::__private::Probe::new(
                "home",
                crate::bus::__private::Part::Answer,
                |input| crate::bus::__private::probe::<String>(input),
            ),
            #[cfg(not(unix))]
            crate::bus::__private::Probe::argument(
                "home",
                "drive",
                |input| crate::bus::__private::probe::<char>(input),
            ),
            #[cfg(not(unix))]
            crate::bus::__private::Probe::new(
                "home",
                crate::bus::__private::Part::Answer,
                |input| crate::bus::__private::probe::<String>(input),
            ),
            crate::bus::__private::Probe::new(
                "registered",
                crate::bus::__private::Part::Fields,
                |input| crate::bus::__private::probe::<Registration>(input),
            ),
            #[cfg(unix)]
            crate::bus::__private::Probe::new(
                "nothing",
                crate::bus::__private::Part::Fields,
                |input| crate::bus::__private::probe::<Nothing>(input),
            ),
        ];
    }
    impl crate::bus::__private::Event for Registration {
        type Api = WarrantyApi;
        const NAME: &'static str = "registered";
    }
    #[derive(crate::bus::__private::schemars::JsonSchema)]
    #[schemars(crate = "crate::bus::__private::schemars")]
    #[serde(default)]
    struct __Registration_schema {
        serial: String,
        /// Who bought it.
        #[serde(rename = "buyer")]
        #[schemars(range(min = 1))]
        customer: u64,
    }
    impl crate::bus::__private::schemars::JsonSchema for Registration {
        fn schema_name() -> ::std::borrow::Cow<'static, str> {
            ::std::borrow::Cow::Borrowed("Registration")
        }
        fn json_schema(
            generator: &mut crate::bus::__private::schemars::SchemaGenerator,
        ) -> crate::bus::__private::schemars::Schema {
            <__Registration_schema as crate::bus::__private::schemars::JsonSchema>::json_schema(
                generator,
            )
        }
    }
    impl ::core::default::Default for __Registration_schema {
        fn default() -> Self {
            let Registration { serial, customer } = ::core::default::Default::default();
            Self { serial, customer }
        }
    }
    #[cfg(unix)]
    impl crate::bus::__private::Event for Nothing {
        type Api = WarrantyApi;
        const NAME: &'static str = "nothing";
    }
    #[cfg(unix)]
    /// Nothing more to say.
    #[deprecated]
    #[derive(crate::bus::__private::schemars::JsonSchema)]
    #[schemars(crate = "crate::bus::__private::schemars")]
    struct __Nothing_schema {}
    #[cfg(unix)]
    impl crate::bus::__private::schemars::JsonSchema for Nothing {
        fn schema_name() -> ::std::borrow::Cow<'static, str> {
            ::std::borrow::Cow::Borrowed("Nothing")
        }
        fn json_schema(
            generator: &mut crate::bus::__private::schemars::SchemaGenerator,
        ) -> crate::bus::__private::schemars::Schema {
            <__Nothing_schema as crate::bus::__private::schemars::JsonSchema>::json_schema(
                generator,
            )
        }
    }
    impl WarrantyClient {
        /// A client that calls over this bus.
        #[must_use]
        pub(crate) fn new(bus: &crate::bus::__private::Bus) -> Self {
            Self {
                client: crate::bus::__private::client(
                    bus,
                    <WarrantyApi as crate::bus::__private::Api>::DESCRIPTOR,
                ),
            }
        }
        /// Arguments in every form.
        pub(crate) fn every_form(
            &self,
            by_value: u64,
            text: &str,
            list: &[u8],
            other: &Part,
            max: Option<u32>,
        ) -> crate::bus::__private::Call<Vec<Part>, WarrantyError> {
            self.client
                .call_fallible::<
                    Vec<Part>,
                    WarrantyError,
                >(
                    __every_form_method,
                    crate::bus::__private::Arguments::of(
                        &__every_form_arguments {
                            by_value,
                            text: ::core::convert::From::from(text),
                            list: ::core::convert::From::from(list),
                            other: ::core::convert::From::from(other),
                            max,
                        },
                    ),
                )
        }
        /// Calls `type_of` of `company.warranty`.
        #[deprecated = "ask for the part"]
        #[allow(clippy::wrong_self_convention, reason = "it is the word for it")]
        pub(crate) fn r#type(&self, r#in: &str) -> crate::bus::__private::Call<String> {
            let mut arguments = crate::bus::__private::Arguments::new(1usize);
            arguments.write::<str>("in", r#in);
            self.client.call::<String>(__type_method, arguments)
        }
        #[cfg(unix)]
        /// Calls `home` of `company.warranty`.
        pub(crate) fn home(&self) -> crate::bus::__private::Call<String> {
            let arguments = crate::bus::__private::Arguments::new(0usize);
            self.client.call::<String>(__home_method, arguments)
        }
        #[cfg(not(unix))]
        /// Calls `home` of `company.warranty`.
        pub(crate) fn home(&self, drive: char) -> crate::bus::__private::Call<String> {
            let mut arguments = crate::bus::__private::Arguments::new(1usize);
            arguments.write::<char>("drive", &drive);
            self.client.call::<String>(__home_method, arguments)
        }
    }
    impl crate::bus::__private::Layered for WarrantyClient {
        fn layer(self, layer: impl crate::bus::__private::Layer) -> Self {
            Self {
                client: self.client.layer(layer),
            }
        }
    }
    impl<T: Warranty> WarrantyServer<T> {
        /// A server that answers with this implementation.
        #[must_use]
        pub(crate) fn new(service: T) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// A server that answers with an implementation that is also used elsewhere.
        #[must_use]
        pub(crate) fn from_arc(service: ::std::sync::Arc<T>) -> Self {
            Self { service: service }
        }
    }
    impl<T> ::core::clone::Clone for WarrantyServer<T> {
        fn clone(&self) -> Self {
            Self {
                service: ::std::sync::Arc::clone(&self.service),
            }
        }
    }
    impl<T> ::core::fmt::Debug for WarrantyServer<T> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("WarrantyServer").finish_non_exhaustive()
        }
    }
    impl<__Service: Warranty> crate::bus::__private::Dispatch
    for WarrantyServer<__Service> {
        type Api = WarrantyApi;
        async fn dispatch(
            &self,
            invocation: &crate::bus::__private::Invocation,
        ) -> ::core::result::Result<
            crate::bus::__private::Outcome,
            crate::bus::__private::Outcome,
        > {
            ::core::result::Result::Ok(
                match invocation.method() {
                    "every_form" => {
                        let __every_form_arguments {
                            by_value: argument_by_value,
                            text: argument_text,
                            list: argument_list,
                            other: argument_other,
                            max: argument_max,
                        } = invocation.arguments()?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::every_form(
                                &*self.service,
                                argument_by_value,
                                &*argument_text,
                                &*argument_list,
                                &*argument_other,
                                invocation.context(),
                                argument_max,
                            ),
                        );
                        invocation.result::<Vec<Part>, WarrantyError>(&answered.await)
                    }
                    "type_of" => {
                        let [argument_in] = invocation.fields(["in"])?;
                        let argument_in = argument_in
                            .decode::<crate::bus::__private::StrArgument<'_>>()?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::r#type(
                                &*self.service,
                                ::core::borrow::Borrow::<str>::borrow(&argument_in),
                            ),
                        );
                        invocation.value::<String>(&answered.await)
                    }
                    #[cfg(unix)]
                    "home" => {
                        let [] = invocation.fields([])?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::home(&*self.service),
                        );
                        invocation.value::<String>(&answered.await)
                    }
                    #[cfg(not(unix))]
                    "home" => {
                        let [argument_drive] = invocation.fields(["drive"])?;
                        let argument_drive = argument_drive.decode::<char>()?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::home(&*self.service, argument_drive),
                        );
                        invocation.value::<String>(&answered.await)
                    }
                    _ => invocation.unknown_method(),
                },
            )
        }
    }
};
/// Described in a file.
#[doc = include_str!("sales.md")]
pub trait Sales: ::core::marker::Send + ::core::marker::Sync + 'static {
    #[doc = concat!("Returns ", "one price.")]
    fn price(&self) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
}
/// The description of `company.sales`: its name, its methods, its events and their schema.
///
/// Described in a file.
#[doc = include_str!("sales.md")]
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
pub struct SalesApi;
/// Serves `company.sales` with an implementation of [`Sales`].
///
/// Described in a file.
#[doc = include_str!("sales.md")]
#[allow(dead_code)]
pub struct SalesServer<T> {
    service: ::std::sync::Arc<T>,
}
/// Calls the methods of `company.sales`.
///
/// Described in a file.
#[doc = include_str!("sales.md")]
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
pub struct SalesClient {
    client: ::lightbus::__private::Client,
}
#[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::core::convert::Into as _;
    const __price_method: &::lightbus::__private::MethodDescriptor = &::lightbus::__private::MethodDescriptor::new(
        "price",
        ::core::concat!(concat!("Returns ", "one price.")).trim_ascii(),
        ::lightbus::__private::ArgumentsSchema::Each(&[]),
        ::lightbus::__private::reference::<u64>,
    );
    impl ::lightbus::__private::Api for SalesApi {
        const DESCRIPTOR: &'static ::lightbus::__private::ApiDescriptor = &::lightbus::__private::ApiDescriptor::new(
                "company.sales",
                ::core::concat!("Described in a file.", "\n", include_str!("sales.md"))
                    .trim_ascii(),
                &[__price_method],
                &[],
            )
            .with_version(::core::option_env!("CARGO_PKG_VERSION"));
        const PROBES: &'static [::lightbus::__private::Probe] = &[
            ::lightbus::__private::Probe::new(
                "price",
                ::lightbus::__private::Part::Answer,
                |input| ::lightbus::__private::probe::<u64>(input),
            ),
        ];
    }
    impl SalesClient {
        /// A client that calls over this bus.
        #[must_use]
        pub fn new(bus: &::lightbus::__private::Bus) -> Self {
            Self {
                client: ::lightbus::__private::client(
                    bus,
                    <SalesApi as ::lightbus::__private::Api>::DESCRIPTOR,
                ),
            }
        }
        #[doc = concat!("Returns ", "one price.")]
        pub fn price(&self) -> ::lightbus::__private::Call<u64> {
            let arguments = ::lightbus::__private::Arguments::new(0usize);
            self.client.call::<u64>(__price_method, arguments)
        }
    }
    impl ::lightbus::__private::Layered for SalesClient {
        fn layer(self, layer: impl ::lightbus::__private::Layer) -> Self {
            Self {
                client: self.client.layer(layer),
            }
        }
    }
    impl<T: Sales> SalesServer<T> {
        /// A server that answers with this implementation.
        #[must_use]
        pub fn new(service: T) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// A server that answers with an implementation that is also used elsewhere.
        #[must_use]
        pub fn from_arc(service: ::std::sync::Arc<T>) -> Self {
            Self { service: service }
        }
    }
    impl<T> ::core::clone::Clone for SalesServer<T> {
        fn clone(&self) -> Self {
            Self {
                service: ::std::sync::Arc::clone(&self.service),
            }
        }
    }
    impl<T> ::core::fmt::Debug for SalesServer<T> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("SalesServer").finish_non_exhaustive()
        }
    }
    impl<__Service: Sales> ::lightbus::__private::Dispatch for SalesServer<__Service> {
        type Api = SalesApi;
        async fn dispatch(
            &self,
            invocation: &::lightbus::__private::Invocation,
        ) -> ::core::result::Result<
            ::lightbus::__private::Outcome,
            ::lightbus::__private::Outcome,
        > {
            ::core::result::Result::Ok(
                match invocation.method() {
                    "price" => {
                        let [] = invocation.fields([])?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Sales>::price(&*self.service),
                        );
                        invocation.value::<u64>(&answered.await)
                    }
                    _ => invocation.unknown_method(),
                },
            )
        }
    }
};
