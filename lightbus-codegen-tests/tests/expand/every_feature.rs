/// Everything that a trait can say.
#[cfg(feature = "warranty")]
#[allow(clippy::too_many_arguments)]
#[lightbus::api(name = "company.warranty", crate = crate::bus)]
pub(crate) trait Warranty: Audited {
    /// Arguments in every form.
    async fn every_form(
        &self,
        by_value: u64,
        text: &str,
        list: &[u8],
        other: &Part,
        #[context] ctx: &Context,
        #[serde(default, rename = "limit")]
        #[schemars(range(max = 100))]
        /// At most so many.
        max: Option<u32>,
    ) -> Result<Vec<Part>, WarrantyError>;

    #[rpc(name = "type_of", timeout = "1m", idempotent)]
    #[deprecated = "ask for the part"]
    #[expect(clippy::wrong_self_convention, reason = "it is the word for it")]
    async fn r#type(&self, r#in: &str) -> String {
        format!("a {in}", r#in = r#in)
    }

    #[cfg(unix)]
    async fn home(&self) -> String;

    #[cfg(not(unix))]
    async fn home(&self, drive: char) -> String;

    #[event(name = "registered", type = Registration)]
    #[derive(PartialEq, Debug, Default)]
    #[serde(default)]
    fn product_registered(
        serial: String,
        /// Who bought it.
        #[serde(rename = "buyer")]
        #[schemars(range(min = 1))]
        customer: u64,
    );

    /// Nothing more to say.
    #[cfg(unix)]
    #[event]
    #[deprecated]
    fn nothing();
}

/// Described in a file.
#[doc = include_str!("sales.md")]
#[lightbus::api(name = "company.sales")]
pub trait Sales {
    #[doc = concat!("Returns ", "one price.")]
    async fn price(&self) -> u64;
}
