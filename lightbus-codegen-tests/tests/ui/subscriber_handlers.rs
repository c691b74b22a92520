//! Methods that cannot handle events.

use lightbus::prelude::*;

#[lightbus::api(name = "company.sales")]
pub trait Sales {
    #[event]
    fn product_sold(serial: String);
}

pub struct Desk;

#[lightbus::subscriber]
impl Desk {
    #[on]
    fn not_async(&self, _: ProductSold) {}

    #[on]
    async fn without_receiver(_: ProductSold) {}

    #[on]
    async fn exclusive(&mut self, _: ProductSold) {}

    #[on]
    async fn by_value(self, _: ProductSold) {}

    #[on]
    async fn by_arc(self: std::sync::Arc<Self>, _: ProductSold) {}

    #[on]
    async fn with_lifetime<'a>(&'a self, _: ProductSold) {}

    #[on]
    async unsafe fn not_safe(&self, _: ProductSold) {}

    #[on]
    async extern "C" fn foreign(&self, _: ProductSold) {}

    #[on]
    async fn generic<E>(&self, _: E)
    where
        E: Event,
    {
    }

    #[on]
    async fn without_event(&self) {}

    #[on]
    async fn only_context(&self, #[context] _: Context) {}

    #[on]
    async fn two_events(&self, _: ProductSold, _: ProductSold) {}

    #[on]
    async fn reference(&self, _: &ProductSold) {}

    #[on]
    async fn anything(&self, _: impl Event) {}

    #[on]
    async fn tuple(&self, _: (ProductSold, u8)) {}

    #[on]
    async fn unmarked_context(&self, _: ProductSold, _: Context) {}

    #[on]
    async fn two_contexts(&self, _: ProductSold, #[context] _: Context, #[context] _: &Context) {}

    #[on]
    async fn exclusive_context(&self, _: ProductSold, #[context] _: &mut Context) {}

    #[on]
    async fn context_with_arguments(&self, _: ProductSold, #[context(all)] _: &Context) {}

    #[on]
    async fn conditional(&self, _: ProductSold, #[cfg(unix)] #[context] _: &Context) {}
}

fn main() {}
