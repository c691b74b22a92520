/// Who is covered, and until when.
#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    /// The cover of one product.
    async fn check(&self, serial: &str) -> Result<Cover, WarrantyError>;

    /// How many products are registered.
    #[rpc(timeout = "2s", idempotent)]
    async fn registered(&self) -> u64;

    /// A customer registered a product.
    #[event]
    fn product_registered(serial: String, customer: u64);
}
