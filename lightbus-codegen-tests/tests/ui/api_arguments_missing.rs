//! Each trait needs a name, and the help proposes one.

#[lightbus::api]
pub trait SpareParts {
    async fn count(&self) -> u64;
}

#[lightbus::api()]
pub trait Warranty {
    async fn registered(&self) -> u64;
}

fn main() {}
