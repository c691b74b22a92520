//! Names that are not lower-case identifiers joined by dots, or are too long for a queue's name.

#[lightbus::api(name = "")]
pub trait Empty {}

#[lightbus::api(name = "Company.Warranty")]
pub trait UpperCase {}

#[lightbus::api(name = "company-warranty")]
pub trait Hyphen {}

#[lightbus::api(name = "company..warranty")]
pub trait EmptyPart {}

#[lightbus::api(name = "company.warranty.")]
pub trait LastPartEmpty {}

#[lightbus::api(name = "company.2nd")]
pub trait Digit {}

#[lightbus::api(name = "company.#")]
pub trait Pattern {}

#[lightbus::api(
    name = "a_very_long_name_that_goes_on_and_on.a_very_long_name_that_goes_on_and_on.a_very_long_name_that_goes_on_and_on.and_on_and_on_and_on"
)]
pub trait TooLong {}

fn main() {}
