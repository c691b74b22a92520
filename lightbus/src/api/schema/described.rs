//! The schema of one type.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// The JSON Schema of one type, made by a shared generator so that common types are defined once.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, written out where it is used.
pub fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A type that a trait with `#[lightbus::api]` may name: one with a JSON Schema.
///
/// It exists for its error message. The one of `JsonSchema` does not say what to write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema: the trait `JsonSchema` is not implemented for it",
    label = "has no JSON Schema",
    note = "for a type of your own, add `#[derive(JsonSchema)]`, with `use lightbus::prelude::*`",
    note = "for a type of another crate, switch on the feature of schemars that covers it, or wrap it in a type of your own"
)]
#[doc(hidden)]
pub trait Described: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema + ?Sized> Described for T {}

/// Compiles for types that have a schema.
#[doc(hidden)]
pub const fn described<T: Described + ?Sized>() {}

/// The schema of `T`, as a reference to a shared definition where `T` has a name.
pub fn reference<T: Described>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
