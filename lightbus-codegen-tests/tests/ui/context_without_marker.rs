//! The context as an argument that the caller would have to send.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn lent(&self, ctx: &Context) -> u8;

    async fn owned(&self, serial: String, ctx: Context) -> u8;

    async fn by_path(&self, ctx: &lightbus::Context, again: &::lightbus::Context) -> u8;

    // A type of one's own, by its path.
    async fn own(&self, context: crate::own::Context) -> u8;
}

pub mod own {
    #[derive(lightbus::prelude::Serialize, lightbus::prelude::Deserialize, lightbus::prelude::JsonSchema)]
    pub struct Context {}
}

fn main() {}
