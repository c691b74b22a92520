//! The raw data of one run, as it is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::contestant::Contestant;
use crate::run::Metrics;

/// The raw data of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Data {
    /// Seconds since 1970.
    pub(crate) begun_at: u64,
    pub(crate) machine: Machine,
    pub(crate) samples: Vec<Sample>,
}

/// What one contestant did at one thing in one round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) work: String,
    pub(crate) contestant: Contestant,
    pub(crate) metrics: Metrics,
}

impl Data {
    pub(crate) fn new(machine: Machine) -> Self {
        let begun_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { begun_at, machine, samples: Vec::new() }
    }

    /// Writes it into the folder, under a name of its own.
    pub(crate) fn save(&self, folder: &Path, suffix: &str) -> Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join(format!("{}{suffix}.json", self.begun_at));
        let json = serde_json::to_vec_pretty(self)?;
        fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// How often things were measured, such as `7` or `3 to 7`.
    pub(crate) fn rounds(&self) -> String {
        let of_works = self.rounds_of_works();
        let (fewest, most) = (of_works.values().min().unwrap_or(&0), of_works.values().max().unwrap_or(&0));
        if fewest == most { most.to_string() } else { format!("{fewest} to {most}") }
    }

    fn rounds_of_works(&self) -> BTreeMap<String, u32> {
        let mut of_works = BTreeMap::new();
        for Sample { work, round, .. } in &self.samples {
            let rounds = of_works.entry(work.clone()).or_insert(0);
            *rounds = round.saturating_add(1).max(*rounds);
        }
        of_works
    }

    /// Adds what a later run has measured. What both have measured on the same machine, at the same commit, is put together
    /// as further rounds; otherwise it is taken from the later one.
    pub(crate) fn add(&mut self, mut later: Self) {
        if self.machine == later.machine {
            let rounds = self.rounds_of_works();
            for sample in &mut later.samples {
                sample.round += rounds.get(&sample.work).copied().unwrap_or(0);
            }
        } else {
            self.samples.retain(|sample| later.samples.iter().all(|later| later.work != sample.work));
        }
        self.samples.extend(later.samples);
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&json).with_context(|| format!("{} holds no data of a run", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(machine: &Machine, work: &str, rounds: u32) -> Data {
        let sample = |round| Sample {
            round,
            work: work.to_owned(),
            contestant: Contestant::Lightbus,
            metrics: Metrics::default(),
        };
        Data { begun_at: 0, machine: machine.clone(), samples: (0..rounds).map(sample).collect() }
    }

    fn rounds(data: &Data) -> Vec<(&str, u32)> {
        data.samples.iter().map(|sample| (&*sample.work, sample.round)).collect()
    }

    #[test]
    fn runs_of_one_program_on_one_machine_add_up() -> Result<()> {
        let machine = Machine::look()?;
        let mut data = run(&machine, "rpc-1", 2);
        data.add(run(&machine, "rpc-64", 1));
        data.add(run(&machine, "rpc-1", 2));
        assert_eq!(rounds(&data), [("rpc-1", 0), ("rpc-1", 1), ("rpc-64", 0), ("rpc-1", 2), ("rpc-1", 3)]);
        assert_eq!(data.rounds(), "1 to 4");
        Ok(())
    }

    #[test]
    fn of_what_other_programs_have_measured_the_latest_counts() -> Result<()> {
        let machine = Machine::look()?;
        let mut data = run(&machine, "rpc-1", 2);
        data.add(run(&machine, "rpc-64", 1));
        let mut changed = serde_json::to_value(&machine)?;
        changed["commit"] = "another".into();
        data.add(run(&serde_json::from_value(changed)?, "rpc-1", 1));
        assert_eq!(rounds(&data), [("rpc-64", 0), ("rpc-1", 0)]);
        Ok(())
    }
}
