//! The kinds of changes.

use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($(#[doc = $docs:literal])+ $name:ident = $id:literal,)+) => {
        /// The kind of a change. Its [`id`](Rule::id) stays the same in all versions of Lightbus.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $docs])+ $name,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name of the rule, such as `field-removed`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }
        }
    };
}

rules! {
    /// The API has another name.
    ApiRenamed = "api-renamed",
    /// A method was added.
    MethodAdded = "method-added",
    /// A method was removed.
    MethodRemoved = "method-removed",
    /// A method was removed, and one of the same arguments and answer was added.
    MethodRenamed = "method-renamed",
    /// The method has an error now.
    ErrorAdded = "error-added",
    /// The method has no error any more.
    ErrorRemoved = "error-removed",
    /// The method became idempotent, or stopped being so.
    IdempotentChanged = "idempotent-changed",
    /// Calls wait longer or shorter.
    TimeoutChanged = "timeout-changed",
    /// The method or the event is deprecated, or is not any more.
    DeprecatedChanged = "deprecated-changed",
    /// An event was added.
    EventAdded = "event-added",
    /// An event was removed.
    EventRemoved = "event-removed",
    /// An event was removed, and one of the same fields was added.
    EventRenamed = "event-renamed",
    /// A field was added that may be left out.
    OptionalFieldAdded = "optional-field-added",
    /// A field was added that readers require.
    RequiredFieldAdded = "required-field-added",
    /// A field was removed that readers can do without.
    OptionalFieldRemoved = "optional-field-removed",
    /// A field was removed that readers require.
    RequiredFieldRemoved = "required-field-removed",
    /// A field was removed, and one of the same type was added.
    FieldRenamed = "field-renamed",
    /// Fields are written in another case.
    FieldsRecased = "fields-recased",
    /// A field is still read, but not written any more.
    FieldNotWritten = "field-not-written",
    /// A field is still written, but not read any more.
    FieldNotRead = "field-not-read",
    /// Fields that are not known are refused from now on, or are not any more.
    UnknownFieldsRefused = "unknown-fields-refused",
    /// A value may be null or be left out now.
    BecameOptional = "became-optional",
    /// A value may not be null or be left out any more.
    BecameRequired = "became-required",
    /// A value that is left out stands for something else.
    DefaultChanged = "default-changed",
    /// An integer has a larger range.
    IntegerWidened = "integer-widened",
    /// An integer has a smaller range.
    IntegerNarrowed = "integer-narrowed",
    /// An integer has a range that is larger at one end and smaller at another.
    IntegerChanged = "integer-changed",
    /// A number became another kind of number.
    NumberChanged = "number-changed",
    /// Text is parsed as something else.
    TextChanged = "text-changed",
    /// The type became another one.
    TypeChanged = "type-changed",
    /// An array or a tuple has another length.
    LengthChanged = "length-changed",
    /// A list became a set, or a set a list.
    SetChanged = "set-changed",
    /// The keys of a map became others.
    KeyChanged = "key-changed",
    /// An enum has another variant.
    VariantAdded = "variant-added",
    /// An enum lost a variant.
    VariantRemoved = "variant-removed",
    /// A variant was removed, and one of the same content was added.
    VariantRenamed = "variant-renamed",
    /// Variants are written in another case.
    VariantsRecased = "variants-recased",
    /// A variant has content now, or none any more.
    VariantContentChanged = "variant-content-changed",
    /// Values are read as another variant of an untagged enum.
    VariantsReordered = "variants-reordered",
    /// The enum names its variants in another way.
    RepresentationChanged = "representation-changed",
    /// What `#[schemars(…)]` promises about a value changed. No decoder enforces it.
    ConstraintChanged = "constraint-changed",
    /// The new version cannot read what it writes itself.
    UnreadableByItself = "unreadable-by-itself",
    /// The schema has a part that is not understood, and the part changed.
    NotUnderstood = "not-understood",
    /// The schemas are too large or too deep to be compared here.
    TooLarge = "too-large",
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
