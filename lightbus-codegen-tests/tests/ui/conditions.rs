//! Conditions must not decide over what the macro reads, and two items under conditions that hold together collide.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[cfg_attr(unix, rpc(timeout = "2s"))]
    async fn hidden_rpc(&self);

    #[cfg_attr(unix, event)]
    async fn hidden_event(&self);

    #[cfg_attr(unix, cfg(windows))]
    async fn hidden_cfg(&self);

    #[cfg(unix)]
    async fn same_conditions(&self);

    #[cfg(unix)]
    #[rpc(name = "same_conditions")]
    async fn same_conditions_again(&self);

    async fn always(&self);

    #[cfg(unix)]
    #[rpc(name = "always")]
    async fn sometimes(&self);
}

fn main() {}
