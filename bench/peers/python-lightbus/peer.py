"""Python Lightbus 1.1.2: a worker as `lightbus run` makes it, over Redis, with its defaults.

A worker runs the calls of an API one after the other. The reply to the write is all that confirms an event.
"""

import asyncio
import warnings

warnings.simplefilter("ignore", DeprecationWarning)

import lightbus
import measure


class WarrantyApi(lightbus.Api):
    checked = lightbus.Event(
        parameters=(
            lightbus.Parameter("serial", str),
            lightbus.Parameter("customer", int),
            lightbus.Parameter("note", str),
        )
    )

    class Meta:
        name = "warranty"

    def check(self, serial: str, customer: int, note: str) -> dict:
        return measure.answer()


def create(service):
    redis = {"redis": {"url": measure.URL}}
    return lightbus.create(
        config={
            "service_name": service,
            "bus": {"schema": {"transport": redis}},
            "apis": {"default": {f"{kind}_transport": redis for kind in ("rpc", "result", "event")}},
        }
    )


def work(bus):
    bus.client.run_forever()


def serve():
    bus = create("warranty")
    bus.client.register_api(WarrantyApi())
    bus.client.add_background_task(say_ready())
    work(bus)


def subscribe(events):
    handled = measure.Handled(events)
    bus = create("audit")

    def on_checked(event, serial, customer, note):
        handled.one(serial)

    bus.warranty.checked.listen(on_checked, listener_name="audit")
    bus.client.add_background_task(say_ready())
    work(bus)


async def say_ready():
    measure.ready()


async def call(in_flight, seconds):
    bus = create("support")
    check = bus.warranty.check
    await measure.calls_async(lambda number: check.call_async(**measure.question(number)), in_flight, seconds)


async def publish(events):
    bus = create("warranty")
    bus.client.register_api(WarrantyApi())
    # More at a time than the 100 connections of its pool are refused.
    await measure.publish_async(
        lambda number: bus.warranty.checked.fire_async(**measure.question(number)), events, at_a_time=64
    )


measure.play(
    serve=serve,
    call=lambda *numbers: asyncio.get_event_loop().run_until_complete(call(*numbers)),
    subscribe=subscribe,
    publish=lambda events: asyncio.get_event_loop().run_until_complete(publish(events)),
)
