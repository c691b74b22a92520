//! What a network does to messages, when a test asks for it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use smol_str::SmolStr;

use super::TestBus;
use super::assertions::check_method;
use crate::api::Api;
use crate::protocol::message::Request;
use crate::runtime::sync::lock;

/// The faults that a test has asked for.
#[derive(Debug, Default)]
pub(super) struct Faults {
    repeat_events: AtomicBool,
    /// The methods whose next reply is lost, each with its API.
    lost_replies: Mutex<Vec<(&'static str, SmolStr)>>,
}

impl TestBus {
    /// Delivers every event that is published from now on twice, under one id, as a broker does after a lost connection: to
    /// test that handlers can take it.
    pub fn repeat_events(&self) {
        self.faults.repeat_events.store(true, Ordering::SeqCst);
    }

    /// Loses the reply to the next call of a method. The method runs, and the caller gets
    /// [`CallError::OutcomeUnknown`](crate::CallError::OutcomeUnknown). Called twice, it loses the replies to two calls.
    ///
    /// # Panics
    ///
    /// If the API has no such method.
    #[track_caller]
    pub fn lose_reply<A: Api>(&self, method: &str) {
        check_method(A::DESCRIPTOR, method);
        lock(&self.faults.lost_replies).push((A::DESCRIPTOR.name(), method.into()));
    }
}

impl Faults {
    pub(super) fn repeats_events(&self) -> bool {
        self.repeat_events.load(Ordering::SeqCst)
    }

    /// Whether the reply to this call is to be lost.
    pub(super) fn loses_reply(&self, request: &Request) -> bool {
        let mut lost = lock(&self.lost_replies);
        let found = lost.iter().position(|(api, method)| request.api == *api && request.method == *method);
        found.map(|place| lost.remove(place)).is_some()
    }
}
