//! An API of one type, which is the arguments and the answer of a method and the fields of an event.

use std::marker::PhantomData;

use lightbus::api::{Api, ApiDescriptor, EventDescriptor, MethodDescriptor};
use lightbus::schema::{ApiSchema, ArgumentsSchema, Part, Probe, inline, probe, reference};

use crate::harness::Data;

struct Single<T>(PhantomData<T>);

impl<T: Data> Single<T> {
    const METHOD: &'static MethodDescriptor =
        &MethodDescriptor::new("call", "", ArgumentsSchema::Struct(inline::<T>), reference::<T>);
    const EVENT: &'static EventDescriptor = &EventDescriptor::new("event", "", inline::<T>);
}

impl<T: Data> Api for Single<T> {
    const PROBES: &'static [Probe] = &[
        Probe::new("call", Part::Arguments, |input| probe::<T>(input)),
        Probe::new("call", Part::Answer, |input| probe::<T>(input)),
        Probe::new("event", Part::Fields, |input| probe::<T>(input)),
    ];
    const DESCRIPTOR: &'static ApiDescriptor = &ApiDescriptor::new("single", "", &[Self::METHOD], &[Self::EVENT]);
}

pub(crate) fn schema_of<T: Data>() -> ApiSchema {
    Single::<T>::schema()
}
