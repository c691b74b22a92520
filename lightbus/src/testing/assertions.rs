//! What a test asserts of the services.

#![allow(clippy::panic, reason = "failed assertions")]

use serde_json::Value;

use super::TestBus;
use super::difference::{Compare, differences};
use super::record::{Record, RecordedCall, RecordedEvent, shown, value_of};
use crate::api::{Api, ApiDescriptor, Event};
use crate::bus::similar::similar;
use crate::event::DeadLetter;
use crate::protocol::codec;
use crate::protocol::destination::Destination;
use crate::protocol::message::{Encoding, full_name};

impl TestBus {
    /// Asserts that a service has published an event of this type, and returns it:
    /// `let sold = bus.expect_event::<ProductSold>();`.
    ///
    /// # Panics
    ///
    /// If there is none that was not expected before.
    #[track_caller]
    pub fn expect_event<E: Event>(&self) -> E {
        self.take_event(|_, _| true, || format!("no service has published {}", name_of::<E>()))
    }

    /// Asserts that a service has published an event that the predicate accepts, and returns it.
    ///
    /// # Panics
    ///
    /// If there is none that was not expected before.
    #[track_caller]
    pub fn expect_event_where<E: Event>(&self, predicate: impl Fn(&E) -> bool) -> E {
        let failed = || format!("no service has published {} as the test expects it", name_of::<E>());
        self.take_event(|event, _| predicate(event), failed)
    }

    /// Asserts that a service has published this event. If it has not, the message says how the other events of the type differ,
    /// the nearest first.
    ///
    /// # Panics
    ///
    /// If there is none that was not expected before.
    #[track_caller]
    pub fn expect_event_eq<E: Event>(&self, event: E) {
        let expected = match codec::encode(Encoding::MessagePack, &event) {
            Ok(payload) => value_of(&payload),
            Err(error) => panic!("the expected {} could not be published: {error}", name_of::<E>()),
        };
        let failed = || {
            let name = name_of::<E>();
            let others = self.ledger.unexpected().into_iter().filter_map(|record| match record {
                Record::Event(event) if is::<E>(&event) => Some((event.fields.clone(), Record::Event(event))),
                _ => None,
            });
            nearest(format!("no service has published {name} {}", shown(&expected)), &expected, Compare::All, others)
        };
        self.take_event::<E>(|_, fields| *fields == expected, failed);
    }

    /// Asserts that no service has published an event of this type, apart from those that were expected before.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[track_caller]
    pub fn expect_no_event<E: Event>(&self) {
        let events = self.ledger.unexpected().into_iter().filter(|record| match record {
            Record::Event(event) => is::<E>(event),
            Record::Call(_) => false,
        });
        let events: Vec<String> = events.map(|event| event.to_string()).collect();
        if !events.is_empty() {
            panic!("{} was published:\n  {}", name_of::<E>(), events.join("\n  "));
        }
    }

    /// Asserts that a service has called a method, and returns the call: `bus.expect_call::<WarrantyApi>("check")`.
    ///
    /// # Panics
    ///
    /// If there is no such call that was not expected before, or the API has no such method.
    #[track_caller]
    pub fn expect_call<A: Api>(&self, method: &str) -> RecordedCall {
        self.take_call::<A>(method, &Value::Object(serde_json::Map::new()))
    }

    /// Asserts that a service has called a method with these arguments, and returns the call:
    /// `bus.expect_call_with::<WarrantyApi>("check", json!({"serial": "SN-0042"}))`. Arguments that are left out may have any
    /// value. If there is no such call, the message says how the other calls of the method differ, the nearest first.
    ///
    /// # Panics
    ///
    /// If there is no such call that was not expected before, or the API has no such method.
    #[track_caller]
    pub fn expect_call_with<A: Api>(&self, method: &str, arguments: Value) -> RecordedCall {
        self.take_call::<A>(method, &arguments)
    }

    /// Asserts that an event has become a dead letter of a subscription, and returns the letter. It stays where it is.
    ///
    /// # Panics
    ///
    /// If there is none that was not expected before.
    #[track_caller]
    pub fn expect_dead_letter(&self, service: &str, subscription: &str) -> DeadLetter {
        let mut all = self.dead_letters();
        let wanted = |(of, letter): &(String, DeadLetter)| of == service && letter.subscription == subscription;
        let found = all.iter().position(|letter| wanted(letter) && self.ledger.expect_letter(identity(letter)));
        match found {
            Some(place) => all.swap_remove(place).1,
            None => {
                let others: String = all.iter().map(|letter| format!("\n  {}", listed(letter))).collect();
                let others = if others.is_empty() { " There are no dead letters.".to_owned() } else { others };
                panic!("{service} has no further dead letter in {subscription}.{others}{}", self.hint());
            }
        }
    }

    /// Asserts that every call, event and dead letter of the services was expected.
    ///
    /// # Panics
    ///
    /// If one was not, if a fake was called in a way that the test did not provide for, or if the bus has not
    /// [settled](Self::settled).
    #[track_caller]
    pub fn expect_no_more(&self) {
        let mut found = self.ledger.take_mistakes();
        found.extend(self.ledger.unexpected().iter().map(ToString::to_string));
        let letters = self.dead_letters();
        found.extend(letters.iter().filter(|letter| !self.ledger.is_expected_letter(&identity(letter))).map(listed));
        if !found.is_empty() {
            panic!("the test did not expect this:\n  {}", found.join("\n  "));
        }
        if !self.causes.are_settled() {
            panic!("more may come.{}", self.hint());
        }
    }

    #[track_caller]
    fn take_event<E: Event>(&self, wanted: impl Fn(&E, &Value) -> bool, failed: impl Fn() -> String) -> E {
        let taken = self.ledger.take(|record| match record {
            Record::Event(event) if is::<E>(event) => {
                codec::decode(&event.payload).ok().filter(|decoded| wanted(decoded, &event.fields))
            }
            _ => None,
        });
        taken.unwrap_or_else(|| self.fail(&failed()))
    }

    #[track_caller]
    fn take_call<A: Api>(&self, method: &str, arguments: &Value) -> RecordedCall {
        check_method(A::DESCRIPTOR, method);
        let is_of_method = |call: &RecordedCall| call.api() == A::DESCRIPTOR.name() && call.method() == method;
        let taken = self.ledger.take(|record| match record {
            Record::Call(call) if is_of_method(call) => {
                let matches = differences(arguments, call.arguments(), Compare::Expected).is_empty();
                matches.then(|| call.clone())
            }
            _ => None,
        });
        taken.unwrap_or_else(|| {
            let name = full_name(A::DESCRIPTOR.name(), method);
            let with = if *arguments == Value::Object(serde_json::Map::new()) {
                String::new()
            } else {
                format!(" with {}", shown(arguments))
            };
            let others = self.ledger.unexpected().into_iter().filter_map(|record| match record {
                Record::Call(call) if is_of_method(&call) => Some((call.arguments().clone(), Record::Call(call))),
                _ => None,
            });
            let failed = format!("no service has called {name}{with}");
            self.fail(&nearest(failed, arguments, Compare::Expected, others))
        })
    }

    #[track_caller]
    fn fail(&self, failed: &str) -> ! {
        panic!("{failed}\n{}{}", self.ledger.listed(), self.hint());
    }

    /// What to do if the test asserts too early.
    fn hint(&self) -> &'static str {
        if self.causes.are_settled() {
            return "";
        }
        "\nSomething is still under way: `bus.settled().await` waits for its end"
    }

    /// All dead letters, each with its service.
    fn dead_letters(&self) -> Vec<(String, DeadLetter)> {
        let letters = self.broker.all_dead_letters().into_iter().map(|(destination, mut letter)| {
            letter.subscription = destination.to_string();
            let service = match destination {
                Destination::Subscription { service, .. } => service.to_string(),
                Destination::Task { .. } => String::new(),
            };
            (service, letter)
        });
        letters.collect()
    }
}

fn name_of<E: Event>() -> String {
    full_name(E::Api::DESCRIPTOR.name(), E::NAME)
}

fn is<E: Event>(event: &RecordedEvent) -> bool {
    event.api == E::Api::DESCRIPTOR.name() && event.event == E::NAME
}

/// Adds how the candidates differ from what was expected, the nearest first.
fn nearest(
    failed: String,
    expected: &Value,
    compare: Compare,
    candidates: impl Iterator<Item = (Value, Record)>,
) -> String {
    let mut candidates: Vec<_> =
        candidates.map(|(value, record)| (differences(expected, &value, compare), record)).collect();
    candidates.sort_by_key(|(differences, _)| differences.len());
    let lines = candidates.iter().take(5).map(|(differences, record)| {
        let differences: String = differences.iter().map(|difference| format!("\n    {difference}")).collect();
        format!("\n  {record}{differences}")
    });
    let lines: String = lines.collect();
    if lines.is_empty() { failed } else { format!("{failed}. The nearest:{lines}") }
}

#[track_caller]
pub(super) fn check_method(api: &ApiDescriptor, method: &str) {
    if api.method(method).is_some() {
        return;
    }
    let known: Vec<String> = api.methods().iter().map(|method| method.name().to_owned()).collect();
    let help = match similar(method, known.clone()).first() {
        Some(similar) => format!("Did you mean `{similar}`?"),
        None => format!("It has {}", known.join(", ")),
    };
    panic!("{} has no method `{method}`. {help}", api.name());
}

/// Tells a dead letter from others, and from the one that it becomes after a replay.
fn identity((service, letter): &(String, DeadLetter)) -> String {
    format!("{service} {} {} {:?}", letter.subscription, letter.id, letter.failed_at)
}

fn listed((service, letter): &(String, DeadLetter)) -> String {
    let DeadLetter { subscription, api, event, payload, error, .. } = letter;
    let name = full_name(api, event);
    format!("{service} has the dead letter {name} {} in {subscription}: {error}", shown(&value_of(payload)))
}
