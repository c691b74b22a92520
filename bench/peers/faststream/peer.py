"""FastStream: a subscriber that takes 64 messages at a time, `request` for calls, and confirmed, persistent events.

A broker makes one request at a time, behind a lock, however many are asked for.
"""

import asyncio

import measure
from faststream import FastStream
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel

EVENTS = RabbitExchange("warranty.events", type=ExchangeType.TOPIC, durable=True)

broker = RabbitBroker(measure.URL, default_channel=Channel(prefetch_count=64), logger=None)
app = FastStream(broker, logger=None)


class Question(BaseModel):
    serial: str
    customer: int
    note: str


class Answer(BaseModel):
    ok: bool
    until: str


def serve():
    @broker.subscriber(RabbitQueue("warranty.check", durable=True))
    async def check(question: Question) -> Answer:
        return Answer(**measure.answer())

    run()


def subscribe(events):
    handled = measure.Handled(events)

    @broker.subscriber(RabbitQueue("audit.checked", durable=True, routing_key="warranty.checked"), EVENTS)
    async def on_checked(event: Question):
        handled.one(event.serial)

    run()


def run():
    app.after_startup(measure.ready)
    asyncio.run(app.run())


async def call(in_flight, seconds):
    async def one(number):
        reply = await broker.request(measure.question(number), "warranty.check", timeout=30)
        return await reply.decode()

    async with broker:
        await broker.start()
        await measure.calls_async(one, in_flight, seconds)


async def publish(events):
    async def one(number):
        await broker.publish(measure.question(number), exchange=EVENTS, routing_key="warranty.checked", persist=True)

    async with broker:
        await broker.start()
        await measure.publish_async(one, events, at_a_time=256)


measure.play(
    serve=serve,
    call=lambda *numbers: asyncio.run(call(*numbers)),
    subscribe=subscribe,
    publish=lambda events: asyncio.run(publish(events)),
)
