/// An API with nothing in it yet.
trait T: ::core::marker::Send + ::core::marker::Sync + 'static {}
/// The description of `company.empty`: its name, its methods, its events and their schema.
///
/// An API with nothing in it yet.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
struct TApi;
/// Serves `company.empty` with an implementation of [`T`].
///
/// An API with nothing in it yet.
#[allow(dead_code)]
struct TServer<S> {
    service: ::std::sync::Arc<S>,
}
/// Calls the methods of `company.empty`.
///
/// An API with nothing in it yet.
#[allow(dead_code)]
#[derive(::core::fmt::Debug, ::core::clone::Clone)]
struct TClient {
    client: ::lightbus::__private::Client,
}
#[allow(dead_code, deprecated, nonstandard_style, unused_qualifications)]
const _: () = {
    #[allow(unused_imports)]
    use ::core::convert::Into as _;
    impl ::lightbus::__private::Api for TApi {
        const DESCRIPTOR: &'static ::lightbus::__private::ApiDescriptor = &::lightbus::__private::ApiDescriptor::new(
                "company.empty",
                "An API with nothing in it yet.",
                &[],
                &[],
            )
            .with_version(::core::option_env!("CARGO_PKG_VERSION"));
        const PROBES: &'static [::lightbus::__private::Probe] = &[];
    }
    impl TClient {
        /// A client that calls over this bus.
        #[must_use]
        fn new(bus: &::lightbus::__private::Bus) -> Self {
            Self {
                client: ::lightbus::__private::client(
                    bus,
                    <TApi as ::lightbus::__private::Api>::DESCRIPTOR,
                ),
            }
        }
    }
    impl ::lightbus::__private::Layered for TClient {
        fn layer(self, layer: impl ::lightbus::__private::Layer) -> Self {
            Self {
                client: self.client.layer(layer),
            }
        }
    }
    impl<S: T> TServer<S> {
        /// A server that answers with this implementation.
        #[must_use]
        fn new(service: S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// A server that answers with an implementation that is also used elsewhere.
        #[must_use]
        fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self { service: service }
        }
    }
    impl<S> ::core::clone::Clone for TServer<S> {
        fn clone(&self) -> Self {
            Self {
                service: ::std::sync::Arc::clone(&self.service),
            }
        }
    }
    impl<S> ::core::fmt::Debug for TServer<S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("TServer").finish_non_exhaustive()
        }
    }
    impl<__Service: T> ::lightbus::__private::Dispatch for TServer<__Service> {
        type Api = TApi;
        async fn dispatch(
            &self,
            invocation: &::lightbus::__private::Invocation,
        ) -> ::core::result::Result<
            ::lightbus::__private::Outcome,
            ::lightbus::__private::Outcome,
        > {
            ::core::result::Result::Ok(
                match invocation.method() {
                    _ => invocation.unknown_method(),
                },
            )
        }
    }
};
