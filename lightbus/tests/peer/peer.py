"""A peer on the bus in Python, written from docs/protocol.md alone: it shows that the document says everything.

It prints one JSON object a line. The modes that go on (`serve`, `subscribe`) print {"ready": true} when the broker has
everything that it needs to send them messages, and end when their standard input is closed.

    python peer.py --url amqp://… --namespace test --service python call company.warranty check '{"serial": "SN-0042"}'
"""

import argparse
import json
import os
import re
import socket
import sys
import threading
import time
import uuid

import msgpack
import pika

MAX_DEPTH = 128
MAX_ERROR_BYTES = 4096
DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"
JSON = "application/json"
MSGPACK = ("", "application/msgpack", "application/vnd.msgpack", "application/x-msgpack")


# --- bodies -----------------------------------------------------------------------------------------------------------


class Undecodable(Exception):
    """A body is no value of the JSON data model in an encoding of the protocol."""


def media_type(content_type):
    return (content_type or "").split(";")[0].strip()


def encode(value, content_type=None):
    if content_type == JSON:
        return json.dumps(value).encode()
    return msgpack.packb(value)


def decode(body, content_type):
    kind = media_type(content_type)
    try:
        if kind == JSON:
            value = json.loads(body)
        elif kind in MSGPACK:
            value = msgpack.unpackb(body)
        else:
            raise Undecodable(f"the content type {content_type!r} is not supported")
        check_data_model(value, 0)
        return value
    # The libraries have a zoo of exceptions for malformed bodies, with no common base but this.
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise Undecodable(str(error) or type(error).__name__) from error


def check_data_model(value, depth):
    if depth > MAX_DEPTH:
        raise Undecodable(f"values are nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Undecodable("a map has a key that is no string")
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            check_data_model(element, depth + 1)
    elif not isinstance(value, (str, int, float, bool, type(None))):
        raise Undecodable(f"{type(value).__name__} is not part of the JSON data model")


def decode_map(body, content_type):
    value = decode(body, content_type)
    if not isinstance(value, dict):
        raise Undecodable("the body is no map of names to values")
    return value


# --- exchanges and queues ---------------------------------------------------------------------------------------------


class Bus:
    """One connection with one channel, and the entities of a namespace."""

    def __init__(self, options):
        self.namespace = options.namespace
        self.service = options.service
        self.connection = pika.BlockingConnection(pika.URLParameters(options.url))
        self.channel = self.connection.channel()
        self.channel.basic_qos(prefetch_count=1)

    def rpc_queue(self, api):
        return f"{self.namespace}.rpc.{api}"

    def events_exchange(self):
        return f"{self.namespace}.events"

    def subscription_queue(self, service, subscription):
        return f"{self.namespace}.event.{service}.{subscription}"

    def declare_rpc_queue(self, api):
        arguments = {"x-queue-type": "classic", "x-expires": 30_000}
        self.channel.queue_declare(self.rpc_queue(api), durable=True, arguments=arguments)

    def declare_events_exchange(self):
        self.channel.exchange_declare(self.events_exchange(), exchange_type="topic", durable=True)

    def declare_subscription(self, subscription, pattern):
        queue = self.subscription_queue(self.service, subscription)
        dead = f"{queue}.dead"
        self.channel.queue_declare(dead, durable=True, arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": 2147483647,
        })
        arguments = {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-delivery-limit": 20,
        }
        self.channel.queue_declare(queue, durable=True, arguments=arguments)
        self.declare_events_exchange()
        self.channel.queue_bind(queue, self.events_exchange(), routing_key=pattern)
        return queue

    def consume_until_stdin_closes(self):
        """Handles deliveries until whoever started this process lets go of it."""

        def wait():
            sys.stdin.buffer.read()
            self.connection.add_callback_threadsafe(self.channel.stop_consuming)

        threading.Thread(target=wait, daemon=True).start()
        say(ready=True)
        self.channel.start_consuming()


def say(**line):
    # RabbitMQ's own headers hold dates.
    print(json.dumps(line, default=str), flush=True)


def seen(properties, body):
    """A message as the tests look at it."""
    try:
        value = decode(body, properties.content_type)
    except Undecodable as error:
        value = {"undecodable": str(error)}
    return {
        "type": properties.type,
        "app_id": properties.app_id,
        "correlation_id": properties.correlation_id,
        "message_id": properties.message_id,
        "content_type": properties.content_type,
        "delivery_mode": properties.delivery_mode,
        "expiration": properties.expiration,
        "headers": properties.headers,
        "body": value,
    }


# --- calls ------------------------------------------------------------------------------------------------------------


def call(bus, options):
    """Calls a method, and prints what ended the call."""
    content_type = JSON if options.json else None
    call_id = f"python-{os.getpid()}-1"
    ended = []

    def on_reply(_channel, _delivery, properties, body):
        if properties.correlation_id == call_id:
            ended.append(seen(properties, body))

    def on_return(_channel, _method, properties, _body):
        if properties.correlation_id == call_id:
            ended.append({"type": "nobody serves"})

    bus.channel.add_on_return_callback(on_return)
    bus.channel.basic_consume(DIRECT_REPLY_TO, on_reply, auto_ack=True)
    bus.channel.basic_publish(
        exchange="",
        routing_key=bus.rpc_queue(options.api),
        mandatory=True,
        properties=pika.BasicProperties(
            type=f"{options.api}.{options.method}",
            correlation_id=call_id,
            reply_to=DIRECT_REPLY_TO,
            app_id=bus.service,
            expiration=str(options.timeout * 1000),
            content_type=content_type,
        ),
        body=encode(json.loads(options.arguments), content_type),
    )
    deadline = time.monotonic() + options.timeout
    while not ended:
        left = deadline - time.monotonic()
        if left <= 0:
            ended.append({"type": "deadline passed"})
        else:
            bus.connection.process_data_events(time_limit=left)
    say(**ended[0])


class MethodError(Exception):
    """A method's own, typed error."""

    def __init__(self, body):
        super().__init__(body)
        self.body = body


class Fault(Exception):
    """What a server answers in the method's stead."""

    def __init__(self, code, message, **details):
        super().__init__(message)
        self.body = {"code": code, "message": message, "details": details}


def divide(dividend, divisor):
    if divisor == 0:
        raise MethodError({"DivisionByZero": {"dividend": dividend}})
    return dividend // divisor


def greet(name):
    return f"Hello, {name}!"


def fail():
    raise RuntimeError("this method always fails")


METHODS = {"divide": divide, "greet": greet, "fail": fail}
IDEMPOTENT = {"divide"}


def run(api, properties, body, redelivered):
    """Runs a request: the type and the body of its reply."""
    method = (properties.type or "").removeprefix(f"{api}.")
    if redelivered and method not in IDEMPOTENT:
        raise Fault("outcome_unknown", "the server that had taken the call was lost")
    function = METHODS.get(method)
    if function is None:
        raise Fault("unknown_method", f"the API {api} has no method {method!r}", methods=sorted(METHODS))
    try:
        arguments = decode_map(body, properties.content_type)
    except Undecodable as error:
        raise Fault("invalid_arguments", str(error)) from error
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    for name in names:
        if name not in arguments:
            raise Fault("invalid_arguments", f"the argument {name} is missing", path=name)
    # Names that the method does not know are ignored.
    return function(**{name: arguments[name] for name in names})


def serve(bus, options):
    """Serves METHODS as an API, and prints each request that it takes."""

    def on_request(channel, delivery, properties, body):
        idempotent = (properties.type or "").removeprefix(f"{options.api}.") in IDEMPOTENT
        if not idempotent:
            channel.basic_ack(delivery.delivery_tag)
        try:
            kind, answer = "ok", run(options.api, properties, body, delivery.redelivered)
        except MethodError as error:
            kind, answer = "error", error.body
        except Fault as fault:
            kind, answer = "fault", fault.body
        except Exception as error:  # whatever a method may raise
            kind, answer = "fault", Fault("handler_panicked", str(error)).body
        content_type = JSON if media_type(properties.content_type) == JSON else None
        say(request=seen(properties, body), answered=kind)
        if properties.reply_to:
            channel.basic_publish(
                exchange="",
                routing_key=properties.reply_to,
                properties=pika.BasicProperties(
                    type=kind,
                    correlation_id=properties.correlation_id,
                    app_id=bus.service,
                    content_type=content_type,
                ),
                body=encode(answer, content_type),
            )
        if idempotent:
            channel.basic_ack(delivery.delivery_tag)

    bus.declare_rpc_queue(options.api)
    bus.channel.basic_consume(bus.rpc_queue(options.api), on_request)
    bus.consume_until_stdin_closes()


# --- events -----------------------------------------------------------------------------------------------------------


def uuid7():
    """Python's own comes with 3.14 only."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | (uuid.uuid4().int & ((1 << 80) - 1))
    number = (number & ~(0xF << 76)) | (7 << 76)
    number = (number & ~(0x3 << 62)) | (2 << 62)
    return str(uuid.UUID(int=number))


def publish(bus, options):
    """Publishes an event, and prints its id when the broker has confirmed it."""
    content_type = JSON if options.json else None
    message_id = uuid7()
    bus.declare_events_exchange()
    bus.channel.confirm_delivery()
    # In confirm mode this returns after the broker's confirm, and raises when the broker refuses.
    bus.channel.basic_publish(
        exchange=bus.events_exchange(),
        routing_key=options.event,
        properties=pika.BasicProperties(
            type=options.event,
            message_id=message_id,
            app_id=bus.service,
            delivery_mode=2,
            content_type=content_type,
        ),
        body=encode(json.loads(options.fields), content_type),
    )
    say(published=message_id)


def dead_letter(bus, queue, properties, body, reason, error):
    """Moves an event to the dead letters: it is safe there when this returns."""
    headers = {name: value for name, value in (properties.headers or {}).items() if name not in ("CC", "BCC")}
    now = time.time_ns() // 1_000_000
    headers.setdefault("lightbus-first-failed-at", now)
    headers.update(
        {
            "lightbus-reason": reason,
            "lightbus-error": error.encode()[:MAX_ERROR_BYTES].decode(errors="ignore"),
            "lightbus-attempt": headers.get("lightbus-attempt", 0) + 1,
            "lightbus-process": f"{bus.service}@{socket.gethostname()}:{os.getpid()}",
            "lightbus-failed-at": now,
        }
    )
    properties.headers = headers
    properties.delivery_mode = 2
    properties.expiration = None
    properties.user_id = None
    bus.channel.basic_publish(
        exchange="", routing_key=f"{queue}.dead", mandatory=True, properties=properties, body=body
    )


def subscribe(bus, options):
    """Subscribes to events, and prints each."""
    queue = bus.declare_subscription(options.subscription, options.pattern)
    # For the dead letters.
    bus.channel.confirm_delivery()

    def on_event(channel, delivery, properties, body):
        try:
            decode_map(body, properties.content_type)
        except Undecodable as error:
            dead_letter(bus, queue, properties, body, "undecodable", str(error))
        else:
            say(event=seen(properties, body), routing_key=delivery.routing_key)
        channel.basic_ack(delivery.delivery_tag)

    bus.channel.basic_consume(queue, on_event)
    bus.consume_until_stdin_closes()


def take_dead_letter(bus, options):
    """Waits for one dead letter of a subscription, prints it, and takes it off its queue or leaves it there."""
    queue = bus.subscription_queue(options.owner, options.subscription) + ".dead"
    for delivery, properties, body in bus.channel.consume(queue, inactivity_timeout=options.timeout):
        if delivery is None:
            sys.exit(f"no dead letter came to {queue} within {options.timeout} s")
        if options.leave:
            bus.channel.basic_reject(delivery.delivery_tag, requeue=True)
        else:
            bus.channel.basic_ack(delivery.delivery_tag)
        bus.channel.cancel()
        say(**seen(properties, body))
        break


# --- the examples of the document -------------------------------------------------------------------------------------


def check_examples(options):
    """Checks that every hex block of the document is the MessagePack of the JSON block before it."""
    with open(options.document, encoding="utf-8") as document:
        pairs = re.findall(r"```json\n([^`]*)```[^`]*(?:`[^`]+`[^`]*)*?```hex\n([^`]*)```", document.read())
    for text, lines in pairs:
        digits = "".join(re.match(r"\s*((?:[0-9a-f]{2}(?: |$))*)", line).group(1) for line in lines.splitlines())
        written, made = bytes.fromhex(digits), encode(json.loads(text))
        if written != made:
            sys.exit(f"the bytes for {text.strip()} should be\n{made.hex(' ')}\nand the document has\n{written.hex(' ')}")
    say(examples=len(pairs))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="amqp://guest:guest@localhost:5672")
    parser.add_argument("--namespace", default="lightbus")
    parser.add_argument("--service", default="python")
    modes = parser.add_subparsers(required=True)

    def mode(name, function, *arguments):
        parser = modes.add_parser(name, help=function.__doc__)
        parser.set_defaults(function=function)
        for argument in arguments:
            parser.add_argument(argument)
        return parser

    calling = mode("call", call, "api", "method", "arguments")
    calling.add_argument("--json", action="store_true")
    calling.add_argument("--timeout", type=int, default=30)
    mode("serve", serve, "api")
    publishing = mode("publish", publish, "event", "fields")
    publishing.add_argument("--json", action="store_true")
    mode("subscribe", subscribe, "subscription", "pattern")
    taking = mode("take-dead-letter", take_dead_letter, "owner", "subscription")
    taking.add_argument("--leave", action="store_true")
    taking.add_argument("--timeout", type=int, default=30)
    mode("check-examples", check_examples, "document")
    return parser.parse_args()


def main():
    options = parse_options()
    if options.function is check_examples:
        check_examples(options)
        return
    bus = Bus(options)
    options.function(bus, options)
    bus.connection.close()


if __name__ == "__main__":
    main()
