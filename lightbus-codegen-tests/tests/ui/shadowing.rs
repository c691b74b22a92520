//! Structs that would hide a name which other code in the module relies on.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[event]
    fn string(option: u8);

    #[event]
    fn result();

    #[event]
    fn some();

    #[event]
    fn async_fn_once();

    #[event(type = Vec)]
    fn listed();

    #[event(type = str)]
    fn text();

    #[event(type = u8)]
    fn byte();

    #[event(type = __Field)]
    fn hidden();

    #[event]
    fn context();

    async fn check(&self, #[context] ctx: &Context) -> Result<Option<String>, String>;

    // The names of macros are free.
    #[event]
    fn debug();

    #[event(type = Text)]
    fn string_with_another_type();
}

#[lightbus::api(name = "company.option")]
pub trait Option {
    async fn check(&self) -> u8;
}

fn main() {
    let _ = (Debug {}, Text {});
}
