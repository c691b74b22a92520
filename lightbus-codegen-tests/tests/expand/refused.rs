/// What was not refused is expanded.
#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn kept(&self) -> u64;

    async fn refused(&mut self);

    #[event]
    fn also_refused(serial: &str);
}
