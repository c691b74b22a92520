//! Arguments that a method takes by reference.

use std::borrow::{Borrow, Cow};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An argument that a method takes as `&B`: the client encodes it where it lies, the dispatcher decodes an `O` and
/// lends it to the method.
pub enum Argument<'a, B: ?Sized, O> {
    /// The client's side.
    Lent(&'a B),
    /// The dispatcher's side.
    Owned(O, PhantomData<fn(&B)>),
}

impl<'a, B: ?Sized, O> From<&'a B> for Argument<'a, B, O> {
    fn from(value: &'a B) -> Self {
        Self::Lent(value)
    }
}

impl<B: ?Sized, O: Default> Default for Argument<'_, B, O> {
    fn default() -> Self {
        Self::Owned(O::default(), PhantomData)
    }
}

impl<B: ?Sized, O: Borrow<B>> Deref for Argument<'_, B, O> {
    type Target = B;

    fn deref(&self) -> &B {
        match self {
            Self::Lent(value) => value,
            Self::Owned(value, _) => value.borrow(),
        }
    }
}

impl<B: ?Sized + fmt::Debug, O: Borrow<B>> fmt::Debug for Argument<'_, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        B::fmt(self, f)
    }
}

impl<B: ?Sized + Serialize, O: Borrow<B>> Serialize for Argument<'_, B, O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        B::serialize(self, serializer)
    }
}

impl<'de, B: ?Sized, O: Deserialize<'de>> Deserialize<'de> for Argument<'_, B, O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::Owned(O::deserialize(deserializer)?, PhantomData))
    }
}

impl<B: ?Sized, O: JsonSchema> JsonSchema for Argument<'_, B, O> {
    fn inline_schema() -> bool {
        O::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        O::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        O::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        O::json_schema(generator)
    }
}

/// A type whose values a method can take by reference.
#[diagnostic::on_unimplemented(
    message = "an argument cannot be a reference to `{Self}`",
    label = "cannot be decoded and lent to the method",
    note = "take the owned type by value, such as `Box<{Self}>`"
)]
pub trait Lend {
    /// What the dispatcher decodes in order to lend it.
    type Owned: Borrow<Self>;
}

#[diagnostic::do_not_recommend]
impl<T> Lend for T {
    type Owned = T;
}

impl Lend for Path {
    type Owned = PathBuf;
}

impl Lend for OsStr {
    type Owned = OsString;
}

impl Lend for CStr {
    type Owned = CString;
}

/// The dispatcher's side of a `&str` argument. It borrows from the request.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrArgument<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for StrArgument<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for StrArgument<'_> {
    fn inline_schema() -> bool {
        str::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        str::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        str::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        str::json_schema(generator)
    }
}
