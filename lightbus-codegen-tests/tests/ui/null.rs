//! Types with two values that are null on the wire.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn twice(&self) -> Option<Option<u8>>;

    async fn unit(&self) -> Option<()>;

    async fn in_result(&self) -> Result<std::option::Option<core::option::Option<u8>>, Option<()>>;

    async fn nested(&self, list: Vec<Option<Option<u8>>>, boxed: Option<Box<Option<u8>>>, pair: (u8, Option<()>));

    async fn lent(&self, value: &Option<Option<u8>>, list: &[Option<()>]);

    async fn group(&self, value: (Option<(Option<u8>)>));

    #[event]
    fn happened(value: Option<Option<String>>, list: Vec<Option<std::sync::Arc<()>>>);

    // Each of these has one value that is null.
    async fn fine(&self, value: Option<Vec<Option<u8>>>, pair: Option<(u8, ())>) -> Option<Vec<()>>;
}

fn main() {}
