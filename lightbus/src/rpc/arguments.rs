//! The arguments of a call as a client writes them, one at a time.

use serde::Serialize;

use crate::protocol::codec::{EncodeError, FieldWriter};
use crate::protocol::message::Payload;

/// The arguments of a call as a generated client writes them.
#[derive(Debug)]
pub struct Arguments(FieldWriter);

impl Arguments {
    /// Starts a map of `count` arguments.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(FieldWriter::map(count))
    }

    /// Writes all arguments from a struct.
    pub fn of<A: Serialize>(arguments: &A) -> Self {
        Self(FieldWriter::whole(arguments))
    }

    /// Writes an argument.
    pub fn write<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.0.field(name, value);
    }

    pub(crate) fn finish(self) -> Result<Payload, EncodeError> {
        self.0.finish()
    }
}
