::core::compile_error! {
    "`refused` takes `&mut self`, and one service answers many calls at the same time\nhelp: write `&self`, and keep what changes behind a `Mutex` or in a database"
}
::core::compile_error! {
    "a field of an event cannot be a reference: subscribers get a copy of their own\nhelp: write the owned type, such as `String` for `&str` or `Vec<T>` for `&[T]`"
}
/// What was not refused is expanded.
pub trait Warranty: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// The method `kept` of `company.warranty`.
    fn kept(&self) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
}
/// The description of `company.warranty`: its name, its methods, its events and their schema.
///
/// What was not refused is expanded.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
pub struct WarrantyApi;
/// Serves `company.warranty` with an implementation of [`Warranty`].
///
/// What was not refused is expanded.
#[allow(dead_code)]
pub struct WarrantyServer<T> {
    service: ::std::sync::Arc<T>,
}
/// Calls the methods of `company.warranty`.
///
/// What was not refused is expanded.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
pub struct WarrantyClient {
    client: ::lightbus::__private::Client,
}
#[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::core::convert::Into as _;
    const __kept_method: &::lightbus::__private::MethodDescriptor = &::lightbus::__private::MethodDescriptor::new(
        "kept",
        "",
        ::lightbus::__private::ArgumentsSchema::Each(&[]),
        ::lightbus::__private::reference::<u64>,
    );
    impl ::lightbus::__private::Api for WarrantyApi {
        const DESCRIPTOR: &'static ::lightbus::__private::ApiDescriptor = &::lightbus::__private::ApiDescriptor::new(
                "company.warranty",
                "What was not refused is expanded.",
                &[__kept_method],
                &[],
            )
            .with_version(::core::option_env!("CARGO_PKG_VERSION"));
        const PROBES: &'static [::lightbus::__private::Probe] = &[
            ::lightbus::__private::Probe::new(
                "kept",
                ::lightbus::__private::Part::Answer,
                |input| ::lightbus::__private::probe::<u64>(input),
            ),
        ];
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
        /// Calls `kept` of `company.warranty`.
        pub fn kept(&self) -> ::lightbus::__private::Call<u64> {
            let arguments = ::lightbus::__private::Arguments::new(0usize);
            self.client.call::<u64>(__kept_method, arguments)
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
                    "kept" => {
                        let [] = invocation.fields([])?;
                        let answered = ::std::boxed::Box::pin(
                            <__Service as Warranty>::kept(&*self.service),
                        );
                        invocation.value::<u64>(&answered.await)
                    }
                    _ => invocation.unknown_method(),
                },
            )
        }
    }
};
