//! Fields that cannot travel, or have no name to travel under.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[event]
    fn borrowed(serial: &str, serials: &[String], forever: &'static str, nested: Vec<Option<&str>>);

    #[event]
    fn borrowing(serial: std::borrow::Cow<'_, str>);

    #[event]
    fn anything(serial: impl ToString, boxed: Box<dyn std::fmt::Display>);

    #[event]
    fn same(other: Self);

    #[event]
    fn patterns((a, b): (u8, u8), mut c: u8, _: u8);

    #[event]
    fn with_context(#[context] ctx: lightbus::Context);

    #[event]
    fn conditional(#[cfg(unix)] a: u8, #[cfg_attr(unix, serde(default))] b: u8);

    #[event]
    fn twice(serial: u8, serial: u8);
}

fn main() {}
