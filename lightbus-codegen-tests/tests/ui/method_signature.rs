//! Receivers, qualifiers and generics of methods.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    async fn exclusive(&mut self);

    async fn by_value(self);

    async fn mutable_value(mut self);

    async fn typed_receiver(self: &Self);

    async fn named_lifetime<'a>(&'a self);

    async fn nowhere(serial: String);

    fn blocking(&self);

    fn neither(serial: String);

    const fn constant(&self);

    async unsafe fn dangerous(&self);

    async extern "C" fn foreign(&self);

    async fn of_type<T>(&self, serial: T);

    async fn of_constant<const N: usize>(&self);

    async fn with_clause(&self)
    where
        Self: Sized;
}

fn main() {}
