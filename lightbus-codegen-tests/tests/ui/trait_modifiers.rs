//! What a trait cannot be.

#[lightbus::api(name = "company.unsafe")]
pub unsafe trait Unsafe {}

#[lightbus::api(name = "company.generic")]
pub trait Generic<T, const N: usize> {
    async fn get(&self) -> T;
}

#[lightbus::api(name = "company.lifetime")]
pub trait Lifetime<'a> {}

#[lightbus::api(name = "company.clause")]
pub trait Clause
where
    Self: Clone,
{
}

fn main() {}
