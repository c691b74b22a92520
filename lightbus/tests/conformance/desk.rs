//! The APIs that the scenarios use, and an application that serves them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lightbus::Bus;
use lightbus::prelude::*;
use tokio::sync::{Barrier, Semaphore, mpsc};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    pub number: String,
    pub price: f64,
    pub fits: Vec<u32>,
    pub replaced_by: Option<Box<Part>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum DeskError {
    #[error("there is no part {number}")]
    UnknownPart { number: String },
    #[error("the desk is closed")]
    Closed,
}

/// Serde reads it by way of another value, because the tag may come last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Payment {
    Cash { amount: u64 },
    Wide { amount: u128 },
    Counted { pieces: std::collections::BTreeMap<u32, u32> },
}

/// A desk that does what the scenarios need.
#[lightbus::api(name = "test.desk")]
pub trait Desk {
    async fn echo(&self, text: &str) -> String;
    async fn add(&self, numbers: &[i64], offset: i64) -> i64;
    async fn part(&self, number: &str) -> Result<Part, DeskError>;
    async fn improve(&self, part: &Part) -> Part;
    async fn nothing(&self);
    async fn fail(&self) -> Result<(), DeskError>;
    async fn break_down(&self, why: String);
    async fn who_calls(&self, #[context] ctx: &Context) -> (String, String);
    async fn bytes(&self, bytes: &[u8]) -> Vec<u8>;
    async fn many_bytes(&self, count: usize) -> String;
    /// Says that it has begun, and ends when it is let go.
    async fn wait(&self, name: String) -> String;
    #[rpc(idempotent)]
    async fn wait_idempotent(&self, name: String) -> String;
    /// Ends when as many run at a time as the barrier asks for.
    async fn meet(&self);
    async fn time_left(&self, #[context] ctx: &Context) -> Option<u64>;
    /// What `time_left` of the same API says when it is called from here.
    async fn time_left_beyond(&self, spawned: bool, #[context] ctx: &Context) -> Option<u64>;
    #[rpc(timeout = "1ms")]
    async fn in_a_hurry(&self);
    async fn with_default(&self, text: String, #[serde(default)] repeat: u32) -> String;
    async fn double(&self, number: u128) -> u128;
    async fn pay(&self, amount: u64) -> Payment;
    async fn maybe(&self, first: Option<u8>, second: Option<String>) -> (Option<u8>, Option<String>);

    #[event]
    fn paid(payment: Payment);
    #[event]
    #[derive(PartialEq)]
    fn registered(serial: String, customer: u64);
    #[event]
    fn closed();
    #[event]
    fn attached(text: String);
}

/// The same API as an application sees it that was built from another version of it.
pub mod other_version {
    use lightbus::prelude::*;

    #[lightbus::api(name = "test.desk")]
    pub trait Desk {
        async fn echo(&self, text: Vec<u32>) -> String;
        async fn nothing(&self) -> u64;
        async fn part(&self, number: String) -> u64;
        async fn with_default(&self, text: String) -> String;
        async fn improve(&self, part: Part) -> Part;
        async fn maybe(&self, second: Option<String>, third: Vec<u8>) -> (Option<u8>, Option<String>);
        async fn refund(&self, number: String);

        #[event]
        fn registered(serial: u64);
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Part {
        pub number: String,
        pub price: f64,
        pub fits: Vec<String>,
    }
}

/// An API with nothing in it but a method.
#[lightbus::api(name = "test.bell")]
pub trait Bell {
    async fn ring(&self) -> String;
}

/// Serves both APIs.
pub struct Clerk {
    pub bus: Bus,
    /// What `wait` says: the names that it was given.
    pub begun: mpsc::UnboundedSender<String>,
    /// Lets one `wait` go for each permit.
    pub gate: Arc<Semaphore>,
    pub barrier: Arc<Barrier>,
    pub running: AtomicU32,
    pub most_running: Arc<AtomicU32>,
}

/// What a scenario holds of a clerk.
pub struct Handles {
    pub begun: mpsc::UnboundedReceiver<String>,
    pub gate: Arc<Semaphore>,
    pub most_running: Arc<AtomicU32>,
}

/// A clerk on a bus whose `meet` ends when `meeting` run at a time.
pub fn clerk(bus: &Bus, meeting: usize) -> (Clerk, Handles) {
    let (begun, receiver) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let most_running = Arc::new(AtomicU32::new(0));
    let clerk = Clerk {
        bus: bus.clone(),
        begun,
        gate: gate.clone(),
        barrier: Arc::new(Barrier::new(meeting)),
        running: AtomicU32::new(0),
        most_running: most_running.clone(),
    };
    (clerk, Handles { begun: receiver, gate, most_running })
}

/// Serves a clerk on the bus.
pub async fn serve(bus: &Bus) -> Handles {
    let (clerk, handles) = clerk(bus, 1);
    bus.serve(DeskServer::new(clerk)).await.unwrap();
    handles
}

fn in_millis(time: Option<Duration>) -> Option<u64> {
    time.map(|time| u64::try_from(time.as_millis()).unwrap())
}

impl Clerk {
    async fn hold(&self, name: String) -> String {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        let _ = self.begun.send(name.clone());
        self.gate.acquire().await.unwrap().forget();
        self.running.fetch_sub(1, Ordering::SeqCst);
        name
    }
}

impl Desk for Clerk {
    async fn echo(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn add(&self, numbers: &[i64], offset: i64) -> i64 {
        numbers.iter().sum::<i64>() + offset
    }

    async fn part(&self, number: &str) -> Result<Part, DeskError> {
        if number.starts_with('P') {
            Ok(Part { number: number.to_owned(), price: 12.5, fits: vec![1, 2, 3], replaced_by: None })
        } else {
            Err(DeskError::UnknownPart { number: number.to_owned() })
        }
    }

    async fn improve(&self, part: &Part) -> Part {
        let better = Part { number: format!("{}+", part.number), ..part.clone() };
        Part { replaced_by: Some(Box::new(better)), ..part.clone() }
    }

    async fn nothing(&self) {}

    async fn fail(&self) -> Result<(), DeskError> {
        Err(DeskError::Closed)
    }

    async fn break_down(&self, why: String) {
        panic!("{why}");
    }

    async fn who_calls(&self, ctx: &Context) -> (String, String) {
        (ctx.service().to_owned(), ctx.message_id().to_owned())
    }

    async fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    async fn many_bytes(&self, count: usize) -> String {
        "x".repeat(count)
    }

    async fn wait(&self, name: String) -> String {
        self.hold(name).await
    }

    async fn wait_idempotent(&self, name: String) -> String {
        self.hold(name).await
    }

    async fn meet(&self) {
        self.barrier.wait().await;
    }

    async fn time_left(&self, ctx: &Context) -> Option<u64> {
        in_millis(ctx.time_left())
    }

    async fn time_left_beyond(&self, spawned: bool, ctx: &Context) -> Option<u64> {
        let desk = DeskClient::new(&self.bus);
        if spawned {
            let ctx = ctx.clone();
            tokio::spawn(async move { desk.time_left().context(&ctx).await }).await.unwrap().unwrap()
        } else {
            desk.time_left().await.unwrap()
        }
    }

    async fn in_a_hurry(&self) {
        std::future::pending().await
    }

    async fn with_default(&self, text: String, repeat: u32) -> String {
        text.repeat(1 + repeat as usize)
    }

    async fn double(&self, number: u128) -> u128 {
        number * 2
    }

    async fn pay(&self, amount: u64) -> Payment {
        Payment::Wide { amount: amount.into() }
    }

    async fn maybe(&self, first: Option<u8>, second: Option<String>) -> (Option<u8>, Option<String>) {
        (first, second)
    }
}

/// Rings once.
pub struct Brass;

impl Bell for Brass {
    async fn ring(&self) -> String {
        "ding".to_owned()
    }
}
