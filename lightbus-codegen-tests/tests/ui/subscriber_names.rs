//! Subscriptions whose names cannot be used.

#[lightbus::api(name = "company.sales")]
pub trait Sales {
    #[event]
    fn product_sold(serial: String);
}

pub struct Desk;

#[lightbus::subscriber]
impl Desk {
    #[on(name = "Start Cover")]
    async fn with_a_space(&self, _: ProductSold) {}

    #[on(name = "")]
    async fn empty(&self, _: ProductSold) {}

    #[on]
    async fn größe(&self, _: ProductSold) {}

    #[on]
    async fn _hidden(&self, _: ProductSold) {}

    #[on]
    async fn start_cover(&self, _: ProductSold) {}

    #[on(name = "start-cover")]
    async fn start_it_again(&self, _: ProductSold) {}

    #[cfg(unix)]
    #[on]
    async fn here(&self, _: ProductSold) {}

    #[cfg(not(unix))]
    #[on(name = "here")]
    async fn there(&self, _: ProductSold) {}
}

fn main() {}
