//! Timeouts that are none.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[rpc(timeout = "")]
    async fn empty(&self);

    #[rpc(timeout = "2")]
    async fn no_unit(&self);

    #[rpc(timeout = "s")]
    async fn no_number(&self);

    #[rpc(timeout = "2 s")]
    async fn space(&self);

    #[rpc(timeout = "1.5s")]
    async fn fraction(&self);

    #[rpc(timeout = "-2s")]
    async fn negative(&self);

    #[rpc(timeout = "2h")]
    async fn other_unit(&self);

    #[rpc(timeout = "0ms")]
    async fn nothing(&self);

    #[rpc(timeout = "80000m")]
    async fn long(&self);

    #[rpc(timeout = "99999999999999999999s")]
    async fn too_long(&self);
}

fn main() {}
