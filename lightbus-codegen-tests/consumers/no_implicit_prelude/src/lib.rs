//! Nothing is in scope but what this file names: not even `Option` and `String`.

#![no_implicit_prelude]

/// Parts in stock.
#[::lightbus::api(name = "consumers.no_implicit_prelude")]
pub trait Stock {
    /// Every way to take an argument, and a typed error.
    async fn every_way(
        &self,
        part: &str,
        sizes: &[u64],
        exact: &bool,
        limit: ::core::option::Option<u32>,
        #[context] context: &::lightbus::Context,
    ) -> ::core::result::Result<::std::string::String, ::std::string::String>;

    /// A body that the implementation may keep.
    #[rpc(timeout = "2s", idempotent)]
    async fn version(&self) -> u32 {
        2
    }

    /// Nothing to say and nothing to answer.
    async fn touch(&self);

    /// Parts were taken.
    #[event]
    #[derive(::core::cmp::PartialEq)]
    fn taken(part: ::std::string::String);

    /// The stock was counted.
    #[event]
    fn counted();
}

struct Shelf;

impl Stock for Shelf {
    async fn every_way(
        &self,
        part: &str,
        sizes: &[u64],
        exact: &bool,
        limit: ::core::option::Option<u32>,
        context: &::lightbus::Context,
    ) -> ::core::result::Result<::std::string::String, ::std::string::String> {
        let service = context.service();
        ::core::result::Result::Ok(::std::format!("{part} {sizes:?} {exact} {limit:?} {service}"))
    }

    async fn touch(&self) {}
}

#[::lightbus::subscriber]
impl Shelf {
    #[on]
    async fn count_taken(&self, taken: Taken, #[context] context: &::lightbus::Context) {
        ::std::mem::drop((taken.part, context.attempt()));
    }

    #[on(retries = "none")]
    async fn end(&self, _: Counted) -> ::core::result::Result<(), ::lightbus::HandlerError> {
        ::core::result::Result::Ok(())
    }
}

/// Serves the API on this bus and calls it.
///
/// # Errors
///
/// When anything does not work.
pub async fn check(
    bus: &::lightbus::Bus,
) -> ::core::result::Result<(), ::std::boxed::Box<dyn ::std::error::Error + ::core::marker::Send + ::core::marker::Sync>>
{
    bus.serve(StockServer::new(Shelf)).await?;
    bus.subscribe_all(ShelfSubscriber::new(Shelf)).await?;
    let stock = StockClient::new(bus);
    let answer = stock.every_way("filter", &[1, 2], &true, ::core::option::Option::None).await?;
    ::std::assert_eq!(answer, "filter [1, 2] true None consumers");
    ::std::assert_eq!(stock.version().await?, 2);
    stock.touch().await?;
    bus.publish(Taken { part: ::std::convert::From::from("filter") }).await?;
    bus.publish(Counted {}).await?;
    ::core::result::Result::Ok(())
}
