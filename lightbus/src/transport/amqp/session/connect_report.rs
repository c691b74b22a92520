//! The error of a failed connection attempt.

use std::time::Duration;

use crate::config::BusUrl;
use crate::error::Error;
use crate::transport::amqp::connection::address::Address;
use crate::transport::amqp::errors::{ConnectFailure, Diagnosis, whole_millis};

/// The hosts that were tried without success, and why each failed.
#[derive(Debug, Default)]
pub(crate) struct ConnectReport {
    failed: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    host: String,
    failure: ConnectFailure,
}

impl ConnectReport {
    pub(crate) fn add(&mut self, address: &Address, failure: ConnectFailure) {
        self.failed.push(Attempt { host: address.authority(), failure });
    }

    /// Whether another attempt is pointless. The hosts of a cluster share users and virtual hosts, so a permanent refusal by
    /// one holds for all.
    pub(crate) fn is_final(&self) -> bool {
        self.failed.iter().any(|attempt| attempt.failure.diagnosis().is_final)
    }

    /// Returns the error for the user. `waited` is how long it was tried.
    pub(crate) fn into_error(mut self, url: &BusUrl, waited: Duration) -> Error {
        let diagnoses: Vec<_> =
            self.failed.iter().map(|attempt| (&*attempt.host, attempt.failure.diagnosis())).collect();
        let (reason, advice) = (reason(&diagnoses), advice(&diagnoses));
        let tells_all = self.failed.len() == 1 || self.is_final();
        match self.failed.pop() {
            // A refused declaration explains itself.
            Some(Attempt { failure: ConnectFailure::Setup(error), .. }) if tells_all => error,
            _ => Error::CannotConnect { url: url.to_string(), waited: whole_millis(waited), reason, advice },
        }
    }
}

/// Returns the reason of each host, with its name if there are several.
fn reason(diagnoses: &[(&str, Diagnosis)]) -> String {
    match diagnoses {
        [(_, only)] => only.reason.clone(),
        several => {
            let reasons: Vec<_> =
                several.iter().map(|(host, diagnosis)| format!("{host}: {}", diagnosis.reason)).collect();
            reasons.join("; ")
        }
    }
}

/// Returns each advice once.
fn advice(diagnoses: &[(&str, Diagnosis)]) -> String {
    let mut advice: Vec<&str> = Vec::new();
    for (_, diagnosis) in diagnoses {
        if !advice.contains(&diagnosis.advice) {
            advice.push(diagnosis.advice);
        }
    }
    advice.join(". ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use url::Url;

    use super::*;

    const WAITED: Duration = Duration::from_secs(1);

    fn attempts(failures: impl IntoIterator<Item = ConnectFailure>) -> ConnectReport {
        let mut attempts = ConnectReport::default();
        for (number, failure) in (1..).zip(failures) {
            let url = Url::parse(&format!("amqp://shop:s3cret@host{number}")).unwrap();
            attempts.add(&Address::from_url(&url).unwrap(), failure);
        }
        attempts
    }

    fn error(failures: impl IntoIterator<Item = ConnectFailure>) -> Error {
        attempts(failures).into_error(&BusUrl::parse("amqp://shop:s3cret@host1,host2,host3").unwrap(), WAITED)
    }

    fn nobody_listens() -> ConnectFailure {
        ConnectFailure::Unreachable(io::ErrorKind::ConnectionRefused.into())
    }

    fn mismatch() -> ConnectFailure {
        let (entity, reason) = ("the exchange lightbus.events".to_owned(), "it is another".to_owned());
        ConnectFailure::Setup(Error::TopologyMismatch { entity, reason })
    }

    #[test]
    fn every_host_is_named_with_its_cause_and_each_advice_once() {
        let text = format!("{:#}", error([nobody_listens(), ConnectFailure::Silent(WAITED), nobody_listens()]));
        assert!(text.contains("amqp://shop:***@host1,host2,host3"), "{text}");
        for part in ["host1:5672: nothing listens", "host2:5672: nothing was heard", "host3:5672: nothing listens"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.matches("Likely RabbitMQ is not running").count(), 1, "{text}");
        assert_eq!(text.matches("Likely a firewall").count(), 1, "{text}");
    }

    #[test]
    fn a_single_host_is_not_named_again() {
        let Error::CannotConnect { reason, .. } = error([nobody_listens()]) else { panic!("another error") };
        assert_eq!(reason, "nothing listens there (connection refused)");
    }

    #[test]
    fn a_refused_declaration_is_an_error_of_its_own() {
        assert!(matches!(error([mismatch()]), Error::TopologyMismatch { .. }));
        assert!(matches!(error([nobody_listens(), mismatch()]), Error::TopologyMismatch { .. }));
        let unclear =
            ConnectFailure::Setup(Error::Broker { operation: "work".to_owned(), reason: "it does not".to_owned() });
        assert!(matches!(error([nobody_listens(), unclear]), Error::CannotConnect { .. }));
    }

    #[test]
    fn a_permanent_refusal_by_one_host_holds_for_all() {
        assert!(attempts([nobody_listens(), mismatch()]).is_final());
        assert!(!attempts([nobody_listens(), ConnectFailure::Silent(WAITED)]).is_final());
    }
}
