//! The warranty application: starts the cover of each machine that is sold, and answers which machines are covered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use chrono::{Months, NaiveDate};
use company_apis::sales::ProductSold;
use company_apis::warranty::{Cover, CoverStarted, Warranty, WarrantyError, WarrantyServer};
use lightbus::prelude::*;

use crate::story::Story;
use crate::summary::{Application, Summary, WarrantySummary};
use crate::sync::lock;

const NAME: &str = "warranty";

/// How long a machine is covered.
const COVER: Months = Months::new(24);

/// The applications keep their state in memory to stay small. With a database instead, nothing else would change.
struct Registry {
    bus: Bus,
    story: Story,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    covers: HashMap<String, Cover>,
    repeats: u64,
    checks: u64,
}

/// Starts the application in this process.
pub(crate) async fn start(bus: &Bus, story: Story) -> lightbus::Result<Arc<dyn Application>> {
    let registry = Arc::new(Registry { bus: bus.clone(), story, state: Mutex::default() });
    // It subscribes first, so that whoever finds the API served can rely on the subscription.
    bus.subscribe_all(RegistrySubscriber::from_arc(Arc::clone(&registry))).await?;
    bus.serve(WarrantyServer::from_arc(Arc::clone(&registry))).await?;
    registry.story.tell(NAME, "serves company.warranty");
    Ok(registry)
}

#[lightbus::subscriber]
impl Registry {
    /// An event is delivered at least once, so a sale may arrive twice. The serial number shows that.
    #[on]
    async fn start_cover(&self, sold: ProductSold) -> Result<(), HandlerError> {
        let ProductSold { serial, model, date, .. } = sold;
        let Some(until) = date.checked_add_months(COVER) else {
            // Another attempt would end in the same way.
            return Err(HandlerError::reject(format!("{serial} was sold on {date}, which is beyond any calendar")));
        };
        if self.register(Cover { serial: serial.clone(), model, until }) {
            self.story.step(NAME, &serial, "covers started", format_args!("covers {serial} until {until}"));
        } else {
            self.story.tell(NAME, format_args!("received the sale of {serial} again, which is already covered"));
        }
        // Also for a repeat, because the process that handled the first one may have died before this step.
        self.bus.publish(CoverStarted { serial, until }).await?;
        Ok(())
    }

    /// Returns `false` if the machine is already registered.
    fn register(&self, cover: Cover) -> bool {
        let mut state = lock(&self.state);
        match state.covers.entry(cover.serial.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(cover);
                true
            }
            Entry::Occupied(_) => {
                state.repeats += 1;
                false
            }
        }
    }
}

impl Warranty for Registry {
    async fn check(&self, serial: &str, on: NaiveDate) -> Result<Cover, WarrantyError> {
        let mut state = lock(&self.state);
        state.checks += 1;
        match state.covers.get(serial) {
            None => Err(WarrantyError::UnknownProduct { serial: serial.to_owned() }),
            Some(cover) if cover.until < on => {
                Err(WarrantyError::Expired { serial: serial.to_owned(), until: cover.until })
            }
            Some(cover) => Ok(cover.clone()),
        }
    }

    async fn registered(&self) -> u64 {
        lock(&self.state).covers.len() as u64
    }
}

impl Application for Registry {
    fn summary(&self) -> Summary {
        let state = lock(&self.state);
        Summary::Warranty(WarrantySummary {
            covers_started: state.covers.len() as u64,
            repeats: state.repeats,
            checks: state.checks,
        })
    }
}
