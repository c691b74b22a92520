//! Sorts attributes by where they belong.

use syn::punctuated::Punctuated;
use syn::{AttrStyle, Attribute, Meta, Token};

use crate::errors::Errors;
use crate::model::Attributes;

/// The attributes of an item, with ours taken out.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) attributes: Attributes,
    pub(super) rpc: Vec<Attribute>,
    pub(super) event: Vec<Attribute>,
}

/// Sorts the attributes of the trait or of one of its functions.
pub(super) fn sort(attributes: Vec<Attribute>, errors: &mut Errors) -> Sorted {
    let mut sorted = Sorted::default();
    for mut attribute in attributes {
        // Those inside a body come out in front of the function.
        attribute.style = AttrStyle::Outer;
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let target = match name.as_str() {
            "cfg" => &mut sorted.attributes.cfgs,
            "doc" => &mut sorted.attributes.docs,
            "deprecated" => &mut sorted.attributes.shared,
            // One that was refused is left out, so that rustc does not refuse it again.
            "cfg_attr" if hides_ours(&attribute, errors) => continue,
            "cfg_attr" => &mut sorted.attributes.shared,
            "rpc" => &mut sorted.rpc,
            "event" => &mut sorted.event,
            _ if is_lint(&attribute) => &mut sorted.attributes.lints,
            _ => &mut sorted.attributes.other,
        };
        target.push(attribute);
    }
    sorted
}

/// Whether the attribute sets the level of a lint.
pub(super) fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"].iter().any(|level| attribute.path().is_ident(level))
}

/// All but the first of an attribute that an item can have once.
pub(crate) fn refuse_repeated(name: &str, attributes: &[Attribute], errors: &mut Errors) {
    for attribute in attributes.iter().skip(1) {
        errors.refuse(attribute, format_args!("`{name}` is given twice"), "put the arguments of both into one of them");
    }
}

/// The macro cannot evaluate a condition, so what decides over the expansion must not depend on one.
fn hides_ours(attribute: &Attribute, errors: &mut Errors) -> bool {
    let before = errors.count();
    // What does not parse is rustc's to refuse.
    let parts = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
    for hidden in parts.iter().skip(1) {
        for name in ["cfg", "rpc", "event"] {
            if hidden.path().is_ident(name) {
                let problem =
                    format!("`{name}` cannot be hidden in `cfg_attr`: the macro runs before conditions are known");
                let help = "write two functions with opposite `#[cfg]`, each with the attributes that it needs";
                errors.refuse(hidden, problem, help);
            }
        }
    }
    errors.count() > before
}
