//! Arguments that are not understood.

#[lightbus::api(name = "company.sales")]
pub trait Sales {
    #[event]
    fn product_sold(serial: String);
}

pub struct Desk;

#[lightbus::subscriber(pub = true, name = "desk")]
impl Desk {
    #[on(retrys = "1s")]
    async fn misspelt(&self, _: ProductSold) {}

    #[on(retries = 3)]
    async fn number_of_retries(&self, _: ProductSold) {}

    #[on(retries = "")]
    async fn no_delays(&self, _: ProductSold) {}

    #[on(retries = "1s, 10s")]
    async fn with_commas(&self, _: ProductSold) {}

    #[on(retries = "1s 100000m")]
    async fn very_long(&self, _: ProductSold) {}

    #[on(concurrency = 0)]
    async fn none_at_a_time(&self, _: ProductSold) {}

    #[on(concurrency = 65_536)]
    async fn very_many(&self, _: ProductSold) {}

    #[on(concurrency = "4")]
    async fn text(&self, _: ProductSold) {}

    #[on(concurrency = -4)]
    async fn negative(&self, _: ProductSold) {}

    #[on(timeout = "0s")]
    async fn no_time(&self, _: ProductSold) {}

    #[on(timeout = "soon")]
    async fn some_time(&self, _: ProductSold) {}

    #[on(dedupe)]
    async fn how_many(&self, _: ProductSold) {}

    #[on]
    #[on(concurrency = 4)]
    async fn twice(&self, _: ProductSold) {}

    #[on = "start-cover"]
    async fn equals(&self, _: ProductSold) {}

    #[cfg_attr(unix, on)]
    async fn hidden(&self, _: ProductSold) {}
}

fn main() {}
