//! The attribute goes on traits only. What it stood on stays, so that its uses do not fail as well.

#[lightbus::api(name = "company.warranty")]
pub struct Struct;

#[lightbus::api(name = "company.warranty")]
pub enum Enum {}

#[lightbus::api(name = "company.warranty")]
pub fn function() {}

#[lightbus::api(name = "company.warranty")]
impl Struct {}

#[lightbus::api(name = "company.warranty")]
pub mod module {}

fn main() {
    let _ = Struct;
    function();
}
