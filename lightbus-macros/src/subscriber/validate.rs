//! Refusals that concern the names of subscriptions.

use lightbus_names::NameKind;

use super::model::{Handler, Subscriber};
use crate::errors::Errors;
use crate::validate::{Key, refuse_same};

const HELP: &str = "use lower-case letters, digits, `-` and `_`, starting with a letter, at most 63 bytes; \
                    `#[on(name = \"…\")]` sets a name that differs from the function's";

/// Refuses what is wrong with the names of the subscriptions, and leaves it out.
pub(super) fn validate(subscriber: &mut Subscriber, errors: &mut Errors) {
    subscriber.handlers.retain(|handler| name_is_good(handler, errors));
    refuse_same(&mut subscriber.handlers, key, errors);
}

fn name_is_good(handler: &Handler, errors: &mut Errors) -> bool {
    let name = &handler.name;
    let Some(problem) = NameKind::Subscription.problem(&name.value) else { return true };
    let problem =
        format!("{:?} cannot be used as the name of a subscription: {}", name.value, problem.describe(&name.value));
    errors.refuse_at(name.span, problem, HELP);
    false
}

fn key(handler: &Handler) -> Key<'_> {
    Key {
        value: handler.name.value.clone(),
        span: handler.name.span,
        cfgs: &handler.cfgs,
        problem: "another handler already has this subscription",
        help: "rename one of the two functions, or name its subscription with `#[on(name = \"…\")]`",
    }
}
