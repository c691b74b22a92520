/// An API with nothing in it yet.
#[lightbus::api(name = "company.empty")]
trait T {}
