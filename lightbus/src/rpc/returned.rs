//! Tells a `Result` from other return types, whatever its name is in the source.

use std::marker::PhantomData;

/// The type that a method returns.
///
/// `Returned::<T>::IS_RESULT` finds the inherent constant for a `Result`, and that of [`IsNoResult`] otherwise.
#[derive(Debug)]
pub struct Returned<T>(PhantomData<T>);

impl<T, E> Returned<Result<T, E>> {
    /// It is a `Result`.
    pub const IS_RESULT: bool = true;
}

/// The fallback for types other than `Result`.
pub trait IsNoResult {
    /// It is not a `Result`.
    const IS_RESULT: bool = false;
}

impl<T> IsNoResult for Returned<T> {}
