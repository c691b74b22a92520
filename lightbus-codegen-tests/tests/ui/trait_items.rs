//! What a trait cannot contain.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    type Serial;

    const LIMIT: u32 = 3;

    more_methods!();

    async fn registered(&self) -> u64;
}

fn main() {}
