//! The attribute where it has no meaning.

#[lightbus::api(name = "company.sales")]
pub trait Sales {
    #[event]
    fn product_sold(serial: String);
}

pub struct Desk;

#[lightbus::subscriber]
impl Desk {
    async fn start_cover(&self, _: ProductSold) {}
}

pub struct Office<T>(T);

#[lightbus::subscriber]
impl<T> Office<T>
where
    T: Send,
{
    #[on]
    async fn start_cover(&self, _: ProductSold) {}
}

pub struct Borrowing<'a>(&'a str);

#[lightbus::subscriber]
impl Borrowing<'_> {
    #[on]
    async fn start_cover(&self, _: ProductSold) {}
}

#[lightbus::subscriber]
impl Clone for Desk {
    fn clone(&self) -> Self {
        Self
    }
}

#[lightbus::subscriber]
pub struct Shelf;

#[lightbus::subscriber]
pub trait Board {}

pub struct Constants;

#[lightbus::subscriber]
impl Constants {
    #[on]
    const LIMIT: u8 = 1;

    #[on]
    async fn start_cover(&self, _: ProductSold) {}
}

fn main() {}
