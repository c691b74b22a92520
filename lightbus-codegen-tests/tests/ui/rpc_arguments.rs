//! Unknown, repeated and malformed arguments of `#[rpc]`.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[rpc(timout = "2s")]
    async fn misspelt(&self);

    #[rpc(retries = 3)]
    async fn unknown(&self);

    #[rpc(idempotent, idempotent)]
    async fn twice(&self);

    #[rpc(idempotent = true)]
    async fn flag_with_value(&self);

    #[rpc(timeout = 2)]
    async fn number(&self);

    #[rpc(timeout)]
    async fn no_value(&self);

    #[rpc(name = check)]
    async fn name_without_quotes(&self);

    #[rpc = "check"]
    async fn not_a_list(&self);

    #[rpc(timeout "2s")]
    async fn no_equals(&self);

    #[rpc(idempotent)]
    #[rpc(timeout = "2s")]
    async fn repeated(&self);

    #[rpc]
    #[event]
    fn both(serial: String);
}

#[lightbus::api(name = "company.support")]
#[rpc(timeout = "2s")]
pub trait Support {}

fn main() {}
