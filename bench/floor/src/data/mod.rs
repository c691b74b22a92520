//! The raw data of a run, which is kept as JSON.

mod machine;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub(crate) use self::machine::Machine;
use crate::contestant::Contestant;

/// The measured values, by name.
pub(crate) type Metrics = BTreeMap<String, f64>;

/// The raw data of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Data {
    /// Seconds since 1970.
    pub(crate) begun_at: u64,
    pub(crate) machine: Machine,
    pub(crate) samples: Vec<Sample>,
}

/// What one contestant achieved in one workload and one round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) work: String,
    pub(crate) contestant: Contestant,
    pub(crate) metrics: Metrics,
}

impl Data {
    /// Starts the data of a run that begins now.
    pub(crate) fn new(machine: Machine) -> Self {
        let begun_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { begun_at, machine, samples: Vec::new() }
    }

    /// Writes the data to a new file in `folder`.
    pub(crate) fn save(&self, folder: &Path, suffix: &str) -> Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join(format!("{}{suffix}.json", self.begun_at));
        let json = serde_json::to_vec_pretty(self)?;
        fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Returns how many rounds the workloads have, such as `7` or `3 to 7`.
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

    /// Adds the data of a later run. If both ran on the same machine at the same commit, the rounds of a workload add up.
    /// Otherwise the later run replaces the workloads that it measured.
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

    /// Reads the data of an earlier run.
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
    fn rounds_of_the_same_commit_on_the_same_machine_add_up() -> Result<()> {
        let machine = Machine::inspect()?;
        let mut data = run(&machine, "rpc-1", 2);
        data.add(run(&machine, "rpc-64", 1));
        data.add(run(&machine, "rpc-1", 2));
        assert_eq!(rounds(&data), [("rpc-1", 0), ("rpc-1", 1), ("rpc-64", 0), ("rpc-1", 2), ("rpc-1", 3)]);
        assert_eq!(data.rounds(), "1 to 4");
        Ok(())
    }

    #[test]
    fn the_later_run_of_another_commit_replaces_the_earlier_one() -> Result<()> {
        let machine = Machine::inspect()?;
        let mut data = run(&machine, "rpc-1", 2);
        data.add(run(&machine, "rpc-64", 1));
        let mut changed = serde_json::to_value(&machine)?;
        changed["commit"] = "another".into();
        data.add(run(&serde_json::from_value(changed)?, "rpc-1", 1));
        assert_eq!(rounds(&data), [("rpc-64", 0), ("rpc-1", 0)]);
        Ok(())
    }
}
