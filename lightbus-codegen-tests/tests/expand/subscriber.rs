/// The desk of the warranty application.
struct Desk;

#[lightbus::subscriber]
impl Desk {
    /// Starts the cover of each product sold.
    #[on(retries = "1s 10s 1m", concurrency = 4, timeout = "30s", dedupe = 10_000)]
    async fn start_cover(&self, sold: ProductSold) -> Result<(), HandlerError> {
        self.start(sold).await
    }

    #[cfg(unix)]
    #[on(name = "old-name", retries = "none")]
    async fn end_cover(&self, #[context] ctx: &Context, ProductReturned { serial }: ProductReturned) {
        println!("{serial} {}", ctx.service());
    }

    async fn start(&self, sold: ProductSold) -> Result<(), HandlerError> {
        drop(sold);
        Ok(())
    }
}

#[cfg(feature = "office")]
#[lightbus::subscriber(pub, type = Typist, crate = crate::bus)]
impl office::Office<Postgres> {
    #[on]
    async fn r#type(&self, event: office::Typed, #[context] ctx: Context) {}
}
