//! Unknown, repeated and malformed arguments of `#[event]`.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[event(tpe = Sold)]
    fn misspelt();

    #[event(timeout = "2s")]
    fn unknown();

    #[event(name = "a", name = "b")]
    fn twice();

    #[event(type = "Sold")]
    fn type_as_text();

    #[event(type = company::Sold)]
    fn type_as_path();

    #[event(type)]
    fn no_value();

    #[event]
    #[event]
    fn repeated();

    #[event]
    #[derive(PartialEq = 3)]
    fn bad_derive();
}

fn main() {}
