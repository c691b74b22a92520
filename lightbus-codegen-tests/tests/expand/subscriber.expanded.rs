/// The desk of the warranty application.
struct Desk;
impl Desk {
    /// Starts the cover of each product sold.
    #[allow(clippy::unused_async)]
    async fn start_cover(&self, sold: ProductSold) -> Result<(), HandlerError> {
        self.start(sold).await
    }
    #[cfg(unix)]
    #[allow(clippy::unused_async)]
    async fn end_cover(
        &self,
        ctx: &Context,
        ProductReturned { serial }: ProductReturned,
    ) {
        println!("{serial} {}", ctx.service());
    }
    async fn start(&self, sold: ProductSold) -> Result<(), HandlerError> {
        drop(sold);
        Ok(())
    }
}
/// Subscribes the handlers of [`Desk`] to their events.
#[allow(dead_code)]
pub(crate) struct DeskSubscriber {
    state: ::std::sync::Arc<Desk>,
}
#[allow(
    dead_code,
    deprecated,
    private_bounds,
    private_interfaces,
    unused_qualifications,
    unused_variables
)]
const _: () = {
    impl DeskSubscriber {
        /// Creates a subscriber whose handlers run on this value or `Arc`.
        #[must_use]
        pub(crate) fn new(
            state: impl ::core::convert::Into<::std::sync::Arc<Desk>>,
        ) -> Self {
            Self {
                state: ::core::convert::Into::into(state),
            }
        }
        /// Creates a subscriber whose handlers run on a value that is also used elsewhere.
        #[must_use]
        pub(crate) fn from_arc(state: ::std::sync::Arc<Desk>) -> Self {
            Self { state: state }
        }
    }
    impl ::core::clone::Clone for DeskSubscriber {
        fn clone(&self) -> Self {
            Self {
                state: ::std::sync::Arc::clone(&self.state),
            }
        }
    }
    impl ::core::fmt::Debug for DeskSubscriber {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("DeskSubscriber").finish_non_exhaustive()
        }
    }
    const __HANDLERS: &[::lightbus::__private::EventHandler<Desk>] = &[
        ::lightbus::__private::EventHandler::<
            Desk,
        >::new::<
            ProductSold,
        >(
                "start-cover",
                |state, delivered, context| ::std::boxed::Box::pin(async move {
                    ::lightbus::__private::handled(
                        <Desk>::start_cover(state, delivered.decode()?).await,
                    )
                }),
            )
            .with_retries(
                &[
                    ::core::time::Duration::from_millis(1000u64),
                    ::core::time::Duration::from_millis(10000u64),
                    ::core::time::Duration::from_millis(60000u64),
                ],
            )
            .with_concurrency(4u16)
            .with_timeout(::core::time::Duration::from_millis(30000u64))
            .with_dedupe(10000u32),
        #[cfg(unix)]
        ::lightbus::__private::EventHandler::<
            Desk,
        >::new::<
            ProductReturned,
        >(
                "old-name",
                |state, delivered, context| ::std::boxed::Box::pin(async move {
                    ::lightbus::__private::handled(
                        <Desk>::end_cover(state, &context, delivered.decode()?).await,
                    )
                }),
            )
            .with_retries(&[]),
    ];
    impl ::lightbus::__private::Subscriber for DeskSubscriber {
        fn subscribe(
            self,
            bus: &::lightbus::__private::Bus,
        ) -> ::std::vec::Vec<::lightbus::__private::Subscribe> {
            ::lightbus::__private::subscribe_handlers(bus, self.state, __HANDLERS)
        }
    }
};
#[cfg(feature = "office")]
impl office::Office<Postgres> {
    #[allow(clippy::unused_async)]
    async fn r#type(&self, event: office::Typed, ctx: Context) {}
}
#[cfg(feature = "office")]
/// Subscribes the handlers of [`Office`] to their events.
#[allow(dead_code)]
pub struct Typist {
    state: ::std::sync::Arc<office::Office<Postgres>>,
}
#[cfg(feature = "office")]
#[allow(
    dead_code,
    deprecated,
    private_bounds,
    private_interfaces,
    unused_qualifications,
    unused_variables
)]
const _: () = {
    impl Typist {
        /// Creates a subscriber whose handlers run on this value or `Arc`.
        #[must_use]
        pub fn new(
            state: impl ::core::convert::Into<::std::sync::Arc<office::Office<Postgres>>>,
        ) -> Self {
            Self {
                state: ::core::convert::Into::into(state),
            }
        }
        /// Creates a subscriber whose handlers run on a value that is also used elsewhere.
        #[must_use]
        pub fn from_arc(state: ::std::sync::Arc<office::Office<Postgres>>) -> Self {
            Self { state: state }
        }
    }
    impl ::core::clone::Clone for Typist {
        fn clone(&self) -> Self {
            Self {
                state: ::std::sync::Arc::clone(&self.state),
            }
        }
    }
    impl ::core::fmt::Debug for Typist {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("Typist").finish_non_exhaustive()
        }
    }
    const __HANDLERS: &[crate::bus::__private::EventHandler<office::Office<Postgres>>] = &[
        crate::bus::__private::EventHandler::<
            office::Office<Postgres>,
        >::new::<
            office::Typed,
        >(
            "type",
            |state, delivered, context| ::std::boxed::Box::pin(async move {
                crate::bus::__private::handled(
                    <office::Office<
                        Postgres,
                    >>::r#type(state, delivered.decode()?, context)
                        .await,
                )
            }),
        ),
    ];
    impl crate::bus::__private::Subscriber for Typist {
        fn subscribe(
            self,
            bus: &crate::bus::__private::Bus,
        ) -> ::std::vec::Vec<crate::bus::__private::Subscribe> {
            crate::bus::__private::subscribe_handlers(bus, self.state, __HANDLERS)
        }
    }
};
