//! Arguments that cannot travel, or have no name to travel under.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn patterns(&self, (a, b): (u8, u8), [c, d]: [u8; 2]);

    async fn unnamed(&self, _: u8);

    async fn mutable(&self, mut count: u8);

    async fn changed(&self, list: &mut Vec<u8>);

    async fn anything(&self, value: impl Into<String>);

    async fn any_reference(&self, value: &dyn std::fmt::Display);

    async fn any_box(&self, value: Box<dyn std::fmt::Display>);

    async fn optional(&self, serial: Option<&str>, serials: &[&str], pair: (u8, &str));

    async fn forever(&self, serial: &'static str);

    async fn borrowing(&self, serial: std::borrow::Cow<'_, str>);

    async fn function(&self, callback: fn(u8) -> u8);

    async fn same(&self, other: Self);

    async fn inferred(&self, list: Vec<_>);

    async fn conditional(&self, #[cfg(unix)] a: u8, #[cfg_attr(unix, serde(default))] b: u8);

    async fn contexts(&self, #[context] a: &lightbus::Context, #[context] b: &lightbus::Context);

    async fn owned_context(&self, #[context] ctx: lightbus::Context);

    async fn mutable_context(&self, #[context] ctx: &mut lightbus::Context);

    async fn context_with_arguments(&self, #[context(all)] ctx: &lightbus::Context, #[contxt] other: u8);

    async fn sent_context(
        &self,
        #[context]
        #[serde(default)]
        ctx: &lightbus::Context,
    );

    async fn attributes(&self, #[inline] serial: String, #[serd(default)] other: u8);

    async fn twice(&self, serial: u8, r#serial: u8);

    async fn codecs(&self, #[serde(rename = "a", with = "codec")] a: &str, #[serde(default = "b")] b: &[u8]);
}

fn main() {}
