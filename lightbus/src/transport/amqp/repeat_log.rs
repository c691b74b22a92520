//! Logs a problem once in full, and its repeats as one line that counts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a problem repeats before it is mentioned again. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Which problems were logged, by what they are about.
#[derive(Debug, Default)]
pub(super) struct RepeatLog {
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    problem: String,
    since: Instant,
    times: u32,
    pause: Duration,
    /// When it was last mentioned.
    logged: Instant,
}

impl RepeatLog {
    /// Returns the line to log for a problem, if there is one to log now. A problem that is not the subject's last one is
    /// logged in full and at once.
    pub(super) fn line(&mut self, subject: &str, problem: String) -> Option<String> {
        self.line_at(Instant::now(), subject, problem)
    }

    fn line_at(&mut self, now: Instant, subject: &str, problem: String) -> Option<String> {
        match self.known.get_mut(subject) {
            Some(known) if known.problem == problem => known.repeat(now).then(|| {
                let Known { times, since, .. } = known;
                format!("{subject}: the same {times} times in {} s", now.duration_since(*since).as_secs())
            }),
            _ => {
                let line = format!("{subject}: {problem}");
                let known = Known { problem, since: now, times: 1, pause: FIRST_PAUSE, logged: now };
                self.known.insert(subject.to_owned(), known);
                Some(line)
            }
        }
    }
}

impl Known {
    /// Counts one more occurrence, and returns whether it is time to mention the problem again.
    fn repeat(&mut self, now: Instant) -> bool {
        self.times = self.times.saturating_add(1);
        let due = now.duration_since(self.logged) >= self.pause;
        if due {
            self.logged = now;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: &str = "cannot connect to host:5672";

    fn refused(log: &mut RepeatLog, now: Instant) -> Option<String> {
        log.line_at(now, SUBJECT, "connection refused".to_owned())
    }

    #[test]
    fn the_first_occurrence_is_logged_in_full() {
        let line = refused(&mut RepeatLog::default(), Instant::now());
        assert_eq!(line.as_deref(), Some("cannot connect to host:5672: connection refused"));
    }

    #[test]
    fn repeats_are_counted_in_fewer_and_fewer_lines() {
        let (mut log, begun) = (RepeatLog::default(), Instant::now());
        let lines: Vec<_> =
            (0..=100).filter_map(|second| refused(&mut log, begun + Duration::from_secs(second))).collect();
        assert_eq!(
            lines[1..],
            [
                "cannot connect to host:5672: the same 11 times in 10 s",
                "cannot connect to host:5672: the same 31 times in 30 s",
                "cannot connect to host:5672: the same 71 times in 70 s",
            ]
        );
    }

    #[test]
    fn another_problem_and_another_subject_are_logged_at_once() {
        let (mut log, now) = (RepeatLog::default(), Instant::now());
        refused(&mut log, now);
        assert!(log.line_at(now, SUBJECT, "no answer".to_owned()).is_some());
        assert!(log.line_at(now, "cannot connect to other:5672", "no answer".to_owned()).is_some());
        assert!(log.line_at(now, SUBJECT, "no answer".to_owned()).is_none());
    }
}
