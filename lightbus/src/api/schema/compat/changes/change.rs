//! A change of a type.

use crate::api::schema::compat::rule::Rule;
use crate::api::schema::compat::walk::Effect;

/// A change, and what it does to messages.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) rule: Rule,
    pub(crate) path: String,
    /// From old writers to new readers.
    pub(crate) forward: Effect,
    /// From new writers to old readers.
    pub(crate) backward: Effect,
    /// From new writers to new readers, if the old version understood itself there.
    pub(crate) among_new: Option<Effect>,
    pub(crate) old: String,
    pub(crate) new: String,
    /// The type that was removed or added.
    pub(super) fingerprint: Option<u128>,
}

impl Change {
    pub(super) fn add(&mut self, other: Self) {
        let Self { forward, backward, fingerprint, .. } = other;
        self.forward = std::mem::replace(&mut self.forward, Effect::Fine).worse(forward);
        self.backward = std::mem::replace(&mut self.backward, Effect::Fine).worse(backward);
        self.fingerprint = self.fingerprint.or(fingerprint);
    }

    /// Whether the other change adds the same that this one removes.
    pub(super) fn is_replaced_by(&self, other: &Self) -> bool {
        self.fingerprint.is_some() && self.fingerprint == other.fingerprint
    }

    /// Both changes as one.
    pub(super) fn with(mut self, added: Self, rule: Rule) -> Self {
        let name = |path: &str| path.rsplit_once('.').map_or(path, |(_, name)| name).to_owned();
        (self.old, self.new) = (format!("`{}`", name(&self.path)), format!("`{}`", name(&added.path)));
        self.add(added);
        Self { rule, fingerprint: None, ..self }
    }
}
