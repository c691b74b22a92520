//! Retries of events whose handler failed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::protocol::message::LONGEST_WAIT;

/// The delays after which a failed event is handled again.
///
/// The default is at once and then after 1 s, 10 s and 60 s, which makes five attempts. An event that fails on the last attempt
/// becomes a dead letter.
///
/// ```
/// use std::time::Duration;
/// use lightbus::prelude::*;
///
/// # #[lightbus::api(name = "company.sales")]
/// # trait Sales { #[event] fn product_sold(serial: String); }
/// # async fn example(bus: Bus) -> lightbus::Result<()> {
/// bus.subscribe("start-cover", |sold: ProductSold| async move { println!("{}", sold.serial) })
///     .retries(Retries::after([Duration::from_secs(5), Duration::from_secs(300)]))
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    delays: Vec<Duration>,
}

impl Retries {
    /// One attempt only: a failed event becomes a dead letter.
    #[must_use]
    pub fn none() -> Self {
        Self::after([])
    }

    /// One retry for each delay, counted from the failure of the previous attempt. A delay of zero means at once.
    ///
    /// The resolution is one millisecond, and longer delays are cut to 49 days.
    #[must_use]
    pub fn after(delays: impl IntoIterator<Item = Duration>) -> Self {
        Self { delays: delays.into_iter().map(|delay| delay.min(LONGEST_WAIT)).collect() }
    }

    /// Returns the delay after a failed attempt, counted from 1, or `None` after the last one.
    #[must_use]
    pub fn delay_after(&self, attempt: u32) -> Option<Duration> {
        let failed_before = usize::try_from(attempt.checked_sub(1)?).ok()?;
        self.delays.get(failed_before).copied()
    }

    /// The distinct delays above zero.
    pub(crate) fn waits(&self) -> BTreeSet<Duration> {
        self.delays.iter().copied().filter(|delay| !delay.is_zero()).collect()
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self::after([0, 1, 10, 60].map(Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(retries: &Retries) -> Vec<u64> {
        (1..).map_while(|attempt| retries.delay_after(attempt)).map(|delay| delay.as_secs()).collect()
    }

    #[test]
    fn there_are_five_attempts_by_default() {
        assert_eq!(schedule(&Retries::default()), [0, 1, 10, 60]);
        assert_eq!(Retries::default().delay_after(5), None);
        assert_eq!(Retries::default().delay_after(u32::MAX), None);
        assert_eq!(Retries::after([Duration::MAX]).delay_after(1), Some(LONGEST_WAIT));
    }

    #[test]
    fn without_retries_the_first_attempt_is_the_last() {
        assert_eq!(Retries::none().delay_after(1), None);
        assert_eq!(Retries::none().waits().len(), 0);
    }

    #[test]
    fn there_is_no_attempt_zero() {
        assert_eq!(Retries::default().delay_after(0), None);
    }

    #[test]
    fn events_wait_as_long_as_the_delays_that_are_not_zero() {
        let retries = Retries::after([3, 0, 1, 3].map(Duration::from_secs));
        assert_eq!(retries.waits().into_iter().collect::<Vec<_>>(), [1, 3].map(Duration::from_secs));
    }
}
