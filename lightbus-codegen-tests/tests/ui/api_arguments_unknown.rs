//! Unknown, repeated and malformed arguments of `#[lightbus::api]`.

#[lightbus::api(nme = "company.warranty")]
pub trait Misspelt {}

#[lightbus::api(name = "company.warranty", version = 2)]
pub trait Unknown {}

#[lightbus::api(name = "company.warranty", name = "company.support")]
pub trait Twice {}

#[lightbus::api(name = company.warranty)]
pub trait NotText {}

#[lightbus::api(name = 7)]
pub trait Number {}

#[lightbus::api(name)]
pub trait NoValue {}

#[lightbus::api("company.warranty")]
pub trait Bare {}

#[lightbus::api(name = "company.warranty", crate = "lightbus")]
pub trait CrateAsText {}

#[lightbus::api(name = "company.warranty", crate = lightbus::<u8>)]
pub trait CrateWithGenerics {}

fn main() {}
