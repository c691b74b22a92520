//! Names that a method cannot have, on the bus or on the client.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn new(&self);

    async fn clone(&self);

    async fn Check(&self);

    async fn größe(&self);

    async fn _hidden(&self);

    #[rpc(name = "warranty.check")]
    async fn dotted(&self);

    async fn a_method_with_a_name_that_is_longer_than_any_queue_would_ever_like_it(&self);

    async fn registered(&self);

    #[rpc(name = "registered")]
    async fn count(&self);

    async fn kept(&self);

    #[rpc(name = "kept_2")]
    async fn kept(&self, again: u8);
}

fn main() {}
