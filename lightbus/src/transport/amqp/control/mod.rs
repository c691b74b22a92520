//! Questions to processes over RabbitMQ, and the answers.
//!
//! | module | contains |
//! |---|---|
//! | `respond` | the queue of a process, and its answers |
//! | `ask` | one question and the answers to it |

pub(crate) mod ask;
pub(crate) mod respond;

use lapin::BasicProperties;
use lapin::types::FieldTable;

use crate::transport::amqp::message::properties::{short, text, text_in};

/// The header of an answer with the id of the process that sends it.
const PROCESS: &str = "lightbus-process";

fn with_process(properties: BasicProperties, process: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(short(PROCESS), text(process));
    properties.with_headers(headers)
}

fn process_of(properties: &BasicProperties) -> &str {
    properties.headers().as_ref().and_then(|headers| text_in(headers, PROCESS)).unwrap_or_default()
}
