//! An event is a list of fields and nothing else.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[event]
    fn with_receiver(&self, serial: String);

    #[event]
    fn with_body(serial: String) {}

    #[event]
    async fn called(serial: String);

    #[event]
    fn answered(serial: String) -> u64;

    #[event]
    fn generic<T>(serial: T);

    #[event]
    fn clause(serial: String)
    where
        String: Clone;

    #[event]
    unsafe fn dangerous(serial: String);

    #[event]
    const fn constant(serial: String);

    #[event]
    extern "C" fn foreign(serial: String);

    #[event]
    async fn everything(&self) -> u64 {
        7
    }
}

fn main() {}
