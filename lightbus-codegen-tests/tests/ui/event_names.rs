//! Names that an event or its struct cannot have.

#[lightbus::api(name = "company.warranty")]
pub trait Warranty {
    #[event]
    fn ProductSold();

    #[event(name = "product.sold")]
    fn dotted();

    #[event]
    fn sold();

    #[event(name = "sold")]
    fn also_sold();

    #[event]
    fn step_1();

    #[event]
    fn step1();

    #[event(type = Sold)]
    fn given_away();

    #[event]
    fn warranty();

    #[event]
    fn warranty_client();

    #[event(type = WarrantyServer)]
    fn served();

    #[event(type = WarrantyApi)]
    fn described();

    #[event]
    fn self_();

    #[event]
    fn __();
}

fn main() {}
