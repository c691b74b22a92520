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
        let mut of_works = BTreeMap::new();
        for sample in &self.samples {
            let rounds = of_works.entry(&*sample.work).or_insert(0);
            *rounds = sample.round.saturating_add(1).max(*rounds);
        }
        let (fewest, most) = (of_works.values().min().unwrap_or(&0), of_works.values().max().unwrap_or(&0));
        if fewest == most { most.to_string() } else { format!("{fewest} to {most}") }
    }

    /// Adds what a later run has measured. What both have is taken from that one: runs may differ in more than their time.
    pub(crate) fn add(&mut self, other: Self) {
        self.samples.retain(|sample| other.samples.iter().all(|later| later.work != sample.work));
        self.samples.extend(other.samples);
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&json).with_context(|| format!("{} holds no data of a run", path.display()))
    }
}
