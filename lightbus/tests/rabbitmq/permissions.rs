//! What each service may do, with exactly the permissions that `docs/operations.md` gives it.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeleteOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ErrorKind};
use lightbus::prelude::*;
use lightbus::rpc::Servers;
use lightbus::{Bus, BusBuilder, Error};
use lightbus_test_support::broker::{raw_channel_at, url};
use lightbus_test_support::log;
use lightbus_test_support::wait::{GUARD, eventually_async, guarded, next};
use tokio::sync::{Mutex, MutexGuard, OnceCell, Semaphore, mpsc};
use url::Url;

use crate::operations;
use crate::shop::{self, ProductRegistered, WarrantyApi, WarrantyClient, registered};

/// A virtual host for these tests alone. On it everything is called as in the document.
const VHOST: &str = "lightbus-permissions";

const PASSWORD: &str = "s3cret";

const REQUESTS: &str = "lightbus.rpc.company.warranty";
const TICKETS: &str = "tickets";
const TICKETS_QUEUE: &str = "lightbus.event.warranty.tickets";
const EXCHANGE: &str = "lightbus.events";

#[lightbus::api(name = "company.support")]
pub trait Support {
    #[event]
    fn ticket_opened(number: u64);
}

/// Sets the permissions of the document on this virtual host, and the user `caller`, which may only call. The names on it are
/// the same for all tests, so one test at a time uses it.
async fn granted() -> MutexGuard<'static, ()> {
    static GRANTED: OnceCell<Mutex<()>> = OnceCell::const_new();
    let granted = GRANTED
        .get_or_init(async || {
            let commands = operations::commands_below("Permissions");
            let commands = commands.replace("-p / ", &format!("-p {VHOST} "));
            let commands = commands.replace("\"vhost\": \"/\"", &format!("\"vhost\": \"{VHOST}\""));
            let commands = commands.replace("/tmp/", &format!("{}/", std::env::temp_dir().display()));
            let script = format!(
                "rabbitmqctl delete_vhost {VHOST}
                 for user in warranty support anna caller; do rabbitmqctl delete_user $user; done
                 set -e
                 rabbitmqctl add_vhost {VHOST}
                 {commands}
                 rabbitmqctl add_user caller {PASSWORD}
                 rabbitmqctl set_permissions -p {VHOST} caller '^$' '^amq\\.default$' '^$'"
            );
            let passwords = ["WARRANTY_PASSWORD", "SUPPORT_PASSWORD", "ANNA_PASSWORD"].map(|name| (name, PASSWORD));
            operations::run(&script, &passwords).await;
            Mutex::default()
        })
        .await;
    granted.lock().await
}

fn url_of(user: &str) -> Url {
    let mut url = url();
    url.set_username(user).unwrap();
    url.set_password(Some(PASSWORD)).unwrap();
    url.set_path(VHOST);
    url
}

/// A process of a service, as the service's user.
fn process(service: &str) -> BusBuilder {
    Bus::service(service).url(url_of(service).as_str())
}

/// The two applications, each as its own user.
struct Applications {
    warranty: Bus,
    support: Bus,
    /// Ends one `hold` for each permit.
    gate: Arc<Semaphore>,
    registrations: mpsc::UnboundedReceiver<String>,
    tickets: mpsc::UnboundedReceiver<u64>,
    _alone: MutexGuard<'static, ()>,
}

impl Applications {
    async fn start() -> Self {
        let alone = granted().await;
        let (warranty, support) =
            (process("warranty").connect().await.unwrap(), process("support").connect().await.unwrap());
        let (_, gate) = shop::serve(&warranty).await;
        support.own_api::<SupportApi>();
        let registrations = shop::collect(&support).await;
        let (sender, tickets) = mpsc::unbounded_channel();
        let handler = move |event: TicketOpened| {
            let _ = sender.send(event.number);
            async {}
        };
        warranty.subscribe(TICKETS, handler).await.unwrap();
        Self { warranty, support, gate, registrations, tickets, _alone: alone }
    }

    /// Sees that both do what they may: call and answer, publish what is their own, and subscribe to what is not.
    async fn work(&mut self) {
        let cover = WarrantyClient::new(&self.support).check("SN-0042").timeout(GUARD).await.unwrap();
        assert_eq!(cover.until, "2027-05-01");
        self.warranty.publish(registered("SN-0042")).await.unwrap();
        assert_eq!(next(&mut self.registrations).await, "SN-0042");
        self.support.publish(TicketOpened { number: 1 }).await.unwrap();
        assert_eq!(next(&mut self.tickets).await, 1);
        for bus in [&self.support, &self.warranty] {
            assert!(bus.health().is_healthy(), "{:?}", bus.health());
        }
    }

    async fn end(self) {
        self.support.shutdown().await;
        self.warranty.shutdown().await;
    }
}

/// Sees that an error of Lightbus names the operation, and says where it is written who may do it.
fn refused(error: &Error, what: &str) {
    let Error::AccessRefused { operation, reason } = error else { panic!("{error:?}") };
    assert!(operation.contains(what) && reason.contains("ACCESS_REFUSED"), "{error}");
    assert!(error.help().unwrap().contains("docs/operations.md"), "{error:?}");
}

#[tokio::test]
async fn each_service_has_the_permissions_it_needs() {
    let mut applications = Applications::start().await;
    applications.work().await;
    applications.end().await;
}

/// From 4.2.6 on, RabbitMQ lets such a user look neither at the exchange nor at the queue of the API.
#[tokio::test]
async fn a_user_that_may_only_call_connects_and_calls() {
    let applications = Applications::start().await;
    let caller = process("caller").connect().await.unwrap();
    let warranty = WarrantyClient::new(&caller);
    assert_eq!(warranty.check("SN-0042").timeout(GUARD).await.unwrap().until, "2027-05-01");
    for _ in 0..2 {
        let error = warranty.hold().timeout(Duration::from_millis(300)).await.unwrap_err();
        let CallError::DeadlineExceeded { servers, .. } = &error else { panic!("{error:?}") };
        assert!(matches!(servers, Servers::Running(1) | Servers::Unknown), "{error}");
    }
    caller.own_api::<WarrantyApi>();
    let error = guarded(caller.publish(registered("SN-1")).into_future()).await.unwrap_err();
    refused(&error, "publish company.warranty.product_registered");
    assert!(caller.health().is_healthy(), "{:?}", caller.health());
    caller.shutdown().await;
    applications.gate.add_permits(2);
    applications.end().await;
}

#[tokio::test]
async fn services_answer_questions_and_only_people_ask_them() {
    let applications = Applications::start().await;
    let Applications { support, warranty, .. } = &applications;
    let anna = Bus::service("tools").url(url_of("anna").as_str()).connect().await.unwrap();
    let answered = async || {
        let pings = anna.introspection().timeout(GUARD).ping().await.unwrap();
        [&anna, support, warranty].iter().all(|bus| pings.of(bus.process_id()).is_some())
    };
    eventually_async("everybody answers anna", answered).await;
    let infos = anna.introspection().timeout(Duration::from_secs(2)).info().await.unwrap();
    assert!(infos.of(warranty.process_id()).is_some() && infos.missing().count() == 0, "{infos:?}");
    let served = infos.queues.iter().find(|queue| queue.queue.to_string() == "company.warranty").unwrap();
    // On 4.2.6 and 4.3.0, the permission to read a queue does not suffice to see its consumers.
    assert!(matches!(served.consumers, Some(1) | None) && served.answered == 1, "{served:?}");

    let error = guarded(support.introspection().ping()).await.unwrap_err();
    refused(&error, "ask all processes");
    assert!(support.health().is_healthy());
    anna.shutdown().await;
    let mut applications = applications;
    applications.work().await;
    applications.end().await;
}

#[tokio::test]
async fn a_user_that_may_not_answer_questions_works_and_says_so_once() {
    log::capture();
    let applications = Applications::start().await;
    let caller = process("caller").connect().await.unwrap();
    let line = "other processes cannot ask this one about itself";
    log::wait_for(&[line, "control.caller", "docs/operations.md"]).await;
    assert_eq!(WarrantyClient::new(&caller).check("SN-0042").timeout(GUARD).await.unwrap().until, "2027-05-01");
    assert!(caller.health().is_healthy(), "{:?}", caller.health());
    caller.shutdown().await;
    // One line for each process of this user.
    let lines = log::text().lines().filter(|logged| logged.contains(line) && logged.contains("control.caller")).count();
    assert!(lines <= 2, "{lines}");
    applications.end().await;
}

#[tokio::test]
async fn a_service_cannot_read_the_dead_letters_of_another() {
    let applications = Applications::start().await;
    let Applications { support, warranty, .. } = &applications;
    let mut attempts = {
        let (sender, attempts) = mpsc::unbounded_channel();
        let fail = move |event: ProductRegistered, ctx: Context| {
            let _ = sender.send(ctx.attempt());
            async move { Err::<(), _>(HandlerError::new(format!("{} is unknown", event.serial))) }
        };
        support.subscribe("failing", fail).retries(Retries::after([Duration::from_millis(1)])).await.unwrap();
        attempts
    };
    warranty.publish(registered("SN-1")).await.unwrap();
    assert_eq!((next(&mut attempts).await, next(&mut attempts).await), (1, 2));
    let dead_letters = support.dead_letters("failing");
    while dead_letters.count().await.unwrap() == 0 {}
    assert_eq!(dead_letters.list(10).await.unwrap().len(), 1);
    assert_eq!(dead_letters.replay_all().await.unwrap(), 1);
    assert_eq!((next(&mut attempts).await, next(&mut attempts).await), (1, 2));
    applications.end().await;
}

#[tokio::test]
async fn another_services_api_cannot_be_served() {
    let mut applications = Applications::start().await;
    let error = shop::try_serve(&applications.support).await.unwrap_err();
    refused(&error, REQUESTS);
    applications.work().await;
    applications.end().await;
}

#[tokio::test]
async fn another_services_events_cannot_be_published() {
    let mut applications = Applications::start().await;
    // Lightbus takes the program's word for it; the broker does not.
    applications.support.own_api::<WarrantyApi>();
    let error = guarded(applications.support.publish(registered("SN-forged")).into_future()).await.unwrap_err();
    refused(&error, "publish company.warranty.product_registered");
    denied("publish", async |channel| {
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (key, options) = ("company.warranty.product_registered".into(), BasicPublishOptions::default());
        channel.basic_publish(EXCHANGE.into(), key, options, b"{}", BasicProperties::default()).await?.await
    })
    .await;
    // Nothing has arrived, and nothing has suffered.
    applications.work().await;
    applications.end().await;
}

#[tokio::test]
async fn another_services_queues_cannot_be_read_or_deleted() {
    let mut applications = Applications::start().await;
    let dead = format!("{TICKETS_QUEUE}.dead");
    for queue in [REQUESTS, TICKETS_QUEUE, &dead] {
        denied("consume", async |channel| {
            let options = BasicConsumeOptions::default();
            channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
        })
        .await;
        denied("get", async |channel| channel.basic_get(queue.into(), BasicGetOptions::default()).await).await;
        denied("purge", async |channel| channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await).await;
        denied("delete", async |channel| channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await).await;
        denied("bind", async |channel| {
            let options = QueueBindOptions::default();
            channel.queue_bind(queue.into(), EXCHANGE.into(), "#".into(), options, FieldTable::default()).await
        })
        .await;
        denied("unbind", async |channel| {
            let key = "company.support.ticket_opened".into();
            channel.queue_unbind(queue.into(), EXCHANGE.into(), key, FieldTable::default()).await
        })
        .await;
    }
    denied("delete the exchange", async |channel| {
        channel.exchange_delete(EXCHANGE.into(), ExchangeDeleteOptions::default()).await
    })
    .await;
    applications.work().await;
    applications.end().await;
}

/// Sees that the broker refuses something to the user `support`, whatever program it uses.
async fn denied<T>(what: &str, operation: impl AsyncFnOnce(&Channel) -> lapin::Result<T>) {
    let channel = raw_channel_at(&url_of("support")).await;
    let Err(error) = guarded(operation(&channel)).await else { panic!("the broker lets support {what}") };
    let ErrorKind::ProtocolError(reason) = error.kind() else { panic!("{what}: {error:?}") };
    assert_eq!(reason.kind(), &AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), "{what}: {error:?}");
}

/// The document says so plainly, as long as it is so.
#[tokio::test]
async fn permissions_that_the_broker_cannot_enforce() {
    let mut applications = Applications::start().await;
    let channel = raw_channel_at(&url_of("support")).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    // Whoever may call anything may write to every queue, past the exchange of events.
    let properties = BasicProperties::default()
        .with_type("company.support.ticket_opened".into())
        .with_content_type("application/json".into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (queue, body) = (TICKETS_QUEUE.into(), br#"{"number": 7}"#);
    let confirm = channel.basic_publish("".into(), queue, options, body, properties).await.unwrap().await.unwrap();
    assert!(confirm.is_ack(), "{confirm:?}");
    assert_eq!(next(&mut applications.tickets).await, 7);
    // It may also count what waits in every queue, unless the broker asks for a permission, as RabbitMQ 4.2.6 and later do.
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    if let Err(error) = channel.queue_declare(REQUESTS.into(), passive, FieldTable::default()).await {
        let ErrorKind::ProtocolError(reason) = error.kind() else { panic!("{error:?}") };
        assert_eq!(reason.kind(), &AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), "{error:?}");
    }
    applications.end().await;
}
