//! The spare parts application: knows the stock, reserves parts, and announces parts that run low.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use company_apis::spare_parts::{Part, PartsError, Reservation, SpareParts, SparePartsServer, StockLow};
use lightbus::prelude::*;

use crate::data::{DataError, Directory};
use crate::story::Story;
use crate::summary::{Application, SparePartsSummary, Summary};
use crate::sync::lock;

const NAME: &str = "spare-parts";

struct Store {
    bus: Bus,
    story: Story,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shelves: HashMap<String, Shelf>,
    /// By case.
    reservations: HashMap<String, Reservation>,
    lookups: u64,
    refusals: u64,
    repeats: u64,
    low_announced: u64,
}

/// One line of the file, and the current stock.
#[derive(Debug, Deserialize)]
struct Shelf {
    number: String,
    name: String,
    price_cents: u32,
    stock: u32,
    /// The part runs low when its stock falls to this level.
    reorder_level: u32,
    #[serde(skip)]
    announced: bool,
}

/// Starts the application in this process.
pub(crate) async fn start(bus: &Bus, data: &Directory, story: Story) -> Result<Arc<dyn Application>, crate::Error> {
    let shelves = read(data)?.into_iter().map(|shelf| (shelf.number.clone(), shelf)).collect();
    let state = Mutex::new(State { shelves, ..State::default() });
    let store = Arc::new(Store { bus: bus.clone(), story, state });
    bus.serve(SparePartsServer::from_arc(Arc::clone(&store))).await?;
    store.story.tell(NAME, "serves company.spare_parts");
    Ok(store)
}

fn read(data: &Directory) -> Result<Vec<Shelf>, DataError> {
    data.read("parts.csv", |shelf: &Shelf, before| {
        if shelf.number.is_empty() || shelf.price_cents == 0 {
            Err("a part needs a number and a price".to_owned())
        } else if before.iter().any(|other| other.number == shelf.number) {
            Err(format!("{} is on an earlier line already", shelf.number))
        } else {
            Ok(())
        }
    })
}

impl SpareParts for Store {
    async fn find(&self, part: &str) -> Result<Part, PartsError> {
        let mut state = lock(&self.state);
        state.lookups += 1;
        let shelf = state.shelves.get(part).ok_or_else(|| PartsError::UnknownPart { part: part.to_owned() })?;
        Ok(Part {
            number: shelf.number.clone(),
            name: shelf.name.clone(),
            price_cents: shelf.price_cents,
            stock: shelf.stock,
        })
    }

    async fn reserve(&self, case: &str, part: &str, ctx: &Context) -> Result<Reservation, PartsError> {
        let reserved = lock(&self.state).reserve(case, part);
        let caller = ctx.service();
        match &reserved {
            Ok(Reservation { left, .. }) => {
                let line = format!("reserved {part} for {case}, asked by {caller}, {left} left");
                self.story.step(NAME, case, "parts reserved", line);
                self.announce_when_low(part).await;
            }
            Err(refusal) => {
                let line = format!("refused {case}, asked by {caller}: {refusal}");
                self.story.step(NAME, case, "reservations refused", line);
            }
        }
        reserved
    }
}

impl Store {
    /// Announces a part that runs low. If that fails, the reservation stands, and the next reservation tries again.
    async fn announce_when_low(&self, part: &str) {
        let Some(left) = lock(&self.state).begin_announcement(part) else { return };
        let published = self.bus.publish(StockLow { part: part.to_owned(), left }).await;
        let mut state = lock(&self.state);
        match published {
            Ok(()) => {
                state.low_announced += 1;
                drop(state);
                let line = format!("announces that {part} is running low, {left} left");
                self.story.step(NAME, part, "parts running low", line);
            }
            Err(error) => {
                state.take_announcement_back(part);
                drop(state);
                self.story.tell(NAME, format_args!("could not announce that {part} is running low: {error}"));
            }
        }
    }
}

impl State {
    /// Reserves a part. A case gets one part, so a second reservation for a case is a repeat.
    fn reserve(&mut self, case: &str, part: &str) -> Result<Reservation, PartsError> {
        if let Some(earlier) = self.reservations.get(case).cloned() {
            self.repeats += 1;
            let (case, part) = (case.to_owned(), part.to_owned());
            return match earlier.part == part {
                true => Ok(earlier),
                false => Err(PartsError::OtherPartReserved { case, reserved: earlier.part, part }),
            };
        }
        let taken = self.take(part);
        self.refusals += u64::from(taken.is_err());
        let reservation = Reservation { case: case.to_owned(), part: part.to_owned(), left: taken? };
        self.reservations.insert(case.to_owned(), reservation.clone());
        Ok(reservation)
    }

    /// Takes one part from the shelf, and returns how many are left.
    fn take(&mut self, part: &str) -> Result<u32, PartsError> {
        let shelf = self.shelves.get_mut(part).ok_or_else(|| PartsError::UnknownPart { part: part.to_owned() })?;
        let left = shelf.stock.checked_sub(1).ok_or_else(|| PartsError::OutOfStock { part: part.to_owned() })?;
        shelf.stock = left;
        Ok(left)
    }

    /// Returns how many are left if the part runs low and nobody has announced it yet.
    fn begin_announcement(&mut self, part: &str) -> Option<u32> {
        let shelf = self.shelves.get_mut(part)?;
        let due = shelf.stock <= shelf.reorder_level && !shelf.announced;
        shelf.announced |= due;
        due.then_some(shelf.stock)
    }

    fn take_announcement_back(&mut self, part: &str) {
        if let Some(shelf) = self.shelves.get_mut(part) {
            shelf.announced = false;
        }
    }
}

impl Application for Store {
    fn summary(&self) -> Summary {
        let state = lock(&self.state);
        Summary::SpareParts(SparePartsSummary {
            lookups: state.lookups,
            reservations: state.reservations.len() as u64,
            refusals: state.refusals,
            repeats: state.repeats,
            low_announced: state.low_announced,
        })
    }
}
