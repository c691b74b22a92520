//! Messages as AMQP properties and headers, in both directions.

pub(crate) mod excess_headers;
pub(crate) mod failed;
#[cfg(test)]
mod hostile_tests;
pub(crate) mod properties;
