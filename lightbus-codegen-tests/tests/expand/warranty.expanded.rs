/// Who is covered, and until when.
pub trait Warranty: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// The cover of one product.
    fn check(
        &self,
        serial: &str,
    ) -> impl ::core::future::Future<
        Output = Result<Cover, WarrantyError>,
    > + ::core::marker::Send;
    /// How many products are registered.
    fn registered(
        &self,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
}
/// The description of `company.warranty`: its name, its methods, its events and their schema.
///
/// Who is covered, and until when.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
pub struct WarrantyApi;
/// Serves `company.warranty` with an implementation of [`Warranty`].
///
/// Who is covered, and until when.
#[allow(dead_code)]
pub struct WarrantyServer<T> {
    service: ::std::sync::Arc<T>,
}
/// Calls the methods of `company.warranty`.
///
/// Who is covered, and until when.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
pub struct WarrantyClient {
    client: ::lightbus::__private::Client,
}
/// A customer registered a product.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
#[derive(
    ::lightbus::__private::serde::Serialize,
    ::lightbus::__private::serde::Deserialize
)]
#[serde(crate = "::lightbus::__private::serde")]
pub struct ProductRegistered {
    /// The event's `serial`.
    pub serial: String,
    /// The event's `customer`.
    pub customer: u64,
}
#[doc(hidden)]
#[allow(dead_code, nonstandard_style)]
struct __two_events_have_a_struct_ProductRegistered__name_one_by_event_type;
#[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::core::convert::Into as _;
    const __check_method: &::lightbus::__private::MethodDescriptor = &::lightbus::__private::MethodDescriptor::new(
            "check",
            "The cover of one product.",
            ::lightbus::__private::ArgumentsSchema::Each(
                &[
                    (
                        "serial",
                        "",
                        ::lightbus::__private::property::<
                            ::lightbus::__private::StrArgument<'static>,
                        >,
                    ),
                ],
            ),
            ::lightbus::__private::reference::<Cover>,
        )
        .with_error(::lightbus::__private::reference::<WarrantyError>);
    const __registered_method: &::lightbus::__private::MethodDescriptor = &::lightbus::__private::MethodDescriptor::new(
            "registered",
            "How many products are registered.",
            ::lightbus::__private::ArgumentsSchema::Each(&[]),
            ::lightbus::__private::reference::<u64>,
        )
        .with_timeout(::core::time::Duration::from_millis(2000u64))
        .with_idempotent();
    const __ProductRegistered_event: &::lightbus::__private::EventDescriptor = &::lightbus::__private::EventDescriptor::new(
        "product_registered",
        "A customer registered a product.",
        ::lightbus::__private::inline::<ProductRegistered>,
    );
    impl ::lightbus::__private::Api for WarrantyApi {
        const DESCRIPTOR: &'static ::lightbus::__private::ApiDescriptor = &::lightbus::__private::ApiDescriptor::new(
                "company.warranty",
                "Who is covered, and until when.",
                &[__check_method, __registered_method],
                &[__ProductRegistered_event],
            )
            .with_version(::core::option_env!("CARGO_PKG_VERSION"));
        const PROBES: &'static [::lightbus::__private::Probe] = &[
            ::lightbus::__private::Probe::new(
                "check",
                ::lightbus::__private::Part::Answer,
                |input| ::lightbus::__private::probe::<Cover>(input),
            ),
            ::lightbus::__private::Probe::new(
                "check",
                ::lightbus::__private::Part::Error,
                |input| ::lightbus::__private::probe::<WarrantyError>(input),
            ),
            ::lightbus::__private::Probe::new(
                "registered",
                ::lightbus::__private::Part::Answer,
                |input| ::lightbus::__private::probe::<u64>(input),
            ),
            ::lightbus::__private::Probe::new(
                "product_registered",
                ::lightbus::__private::Part::Fields,
                |input| ::lightbus::__private::probe::<ProductRegistered>(input),
            ),
        ];
    }
    impl ::lightbus::__private::Event for ProductRegistered {
        type Api = WarrantyApi;
        const NAME: &'static str = "product_registered";
    }
    /// A customer registered a product.
    #[derive(::lightbus::__private::schemars::JsonSchema)]
    #[schemars(crate = "::lightbus::__private::schemars")]
    struct __ProductRegistered_schema {
        serial: String,
        customer: u64,
    }
    impl ::lightbus::__private::schemars::JsonSchema for ProductRegistered {
        fn schema_name() -> ::std::borrow::Cow<'static, str> {
            ::std::borrow::Cow::Borrowed("ProductRegistered")
        }
        fn json_schema(
            generator: &mut ::lightbus::__private::schemars::SchemaGenerator,
        ) -> ::lightbus::__private::schemars::Schema {
            <__ProductRegistered_schema as ::lightbus::__private::schemars::JsonSchema>::json_schema(
                generator,
            )
        }
    }
    impl WarrantyClient {
        /// A client that calls over this bus.
        #[must_use]
        pub fn new(bus: &::lightbus::__private::Bus) -> Self {
            Self {
                client: ::lightbus::__private::client(
                    bus,
                    <WarrantyApi as ::lightbus::__private::Api>::DESCRIPTOR,
                ),
            }
        }
        /// The cover of one product.
        pub fn check(
            &self,
            serial: &str,
        ) -> ::lightbus::__private::Call<Cover, WarrantyError> {
            let mut arguments = ::lightbus::__private::Arguments::new(1usize);
            arguments.write::<str>("serial", serial);
            self.client.call_fallible::<Cover, WarrantyError>(__check_method, arguments)
        }
        /// How many products are registered.
        pub fn registered(&self) -> ::lightbus::__private::Call<u64> {
            let arguments = ::lightbus::__private::Arguments::new(0usize);
            self.client.call::<u64>(__registered_method, arguments)
        }
    }
    impl ::lightbus::__private::Layered for WarrantyClient {
        fn layer(self, layer: impl ::lightbus::__private::Layer) -> Self {
            Self {
                client: self.client.layer(layer),
            }
        }
    }
    impl<T: Warranty> WarrantyServer<T> {
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
    impl<__Service: Warranty> ::lightbus::__private::Dispatch
    for WarrantyServer<__Service> {
        type Api = WarrantyApi;
        async fn dispatch(
            &self,
            invocation: &::lightbus::__private::Invocation,
        ) -> ::core::result::Result<
            ::lightbus::__private::Outcome,
            ::lightbus::__private::Outcome,
        > {
            ::core::result::Result::Ok(
                match invocation.method() {
                    "check" => {
                        let [argument_serial] = invocation.fields(["serial"])?;
                        let argument_serial = argument_serial
                            .decode::<::lightbus::__private::StrArgument<'_>>()?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::check(
                                &*self.service,
                                ::core::borrow::Borrow::<str>::borrow(&argument_serial),
                            ),
                        );
                        invocation.result::<Cover, WarrantyError>(&answered.await)
                    }
                    "registered" => {
                        let [] = invocation.fields([])?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::registered(&*self.service),
                        );
                        invocation.value::<u64>(&answered.await)
                    }
                    _ => invocation.unknown_method(),
                },
            )
        }
    }
};
