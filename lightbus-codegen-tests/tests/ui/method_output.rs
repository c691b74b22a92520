//! Answers that cannot travel.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn reference(&self) -> &str;

    async fn nested(&self, serial: &str) -> Option<&str>;

    async fn in_result(&self) -> Result<&str, String>;

    async fn borrowing(&self) -> std::borrow::Cow<'_, str>;

    async fn anything(&self) -> impl Iterator<Item = u8>;

    async fn boxed(&self) -> Box<dyn std::error::Error>;

    async fn same(&self) -> Self;

    async fn no_error(&self) -> std::io::Result<u64>;

    async fn no_types(&self) -> std::fmt::Result;
}

fn main() {}
