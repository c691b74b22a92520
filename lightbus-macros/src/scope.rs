//! Names that a generated type must not have, because it would hide another meaning that code in its module relies on.

/// The types, traits and variants of the preludes of all editions.
const PRELUDE: [&str; 43] = [
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// The types that are built into the language.
const PRIMITIVE: [&str; 19] = [
    "bool", "char", "f128", "f16", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];

/// What the name already means, if anything. Completes a sentence: "… is called `Vec`, which is".
pub(crate) fn meaning(name: &str) -> Option<&'static str> {
    if PRELUDE.contains(&name) {
        Some("a name in Rust's prelude")
    } else if PRIMITIVE.contains(&name) {
        Some("a built-in type of Rust")
    } else if name.starts_with("__") {
        Some("reserved for generated code, as are all names that start with `__`")
    } else {
        None
    }
}
