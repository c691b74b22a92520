"""What every peer in Python shares: the messages, the ways to measure, and what is said to the driver.

A peer plays one of four roles, the first argument:

    serve                            serves the method until SIGTERM
    call IN_FLIGHT SECONDS           calls it
    subscribe EVENTS                 handles so many events
    publish EVENTS                   publishes so many

`serve` and `subscribe` say READY once they are at work. All but `serve` end with one line of JSON. PEER_URL names the
broker.
"""

import asyncio
import json
import os
import sys
import time
from collections import deque

READY = "ready"
URL = os.environ["PEER_URL"]
NOTE = "x" * 100
WARM_UP_SECONDS = 1.0


def question(number):
    return {"serial": f"SN-{number:07}", "customer": 42, "note": NOTE}


def answer():
    return {"ok": True, "until": "2027-01-01"}


def check(reply):
    if reply != answer():
        raise SystemExit(f"a reply is not what it should be: {reply!r}")


def say(line):
    print(line, flush=True)


def ready():
    say(READY)


def report(**values):
    say(json.dumps(values))


def play(**roles):
    """Plays the role that the arguments name, which takes what follows as numbers."""
    role, *numbers = sys.argv[1:]
    return roles[role](*(int(number) for number in numbers))


def calls(begin, finish, in_flight, seconds):
    """Calls with a client that blocks: `begin` sends a call, `finish` waits for the answer."""
    for measured_seconds in (WARM_UP_SECONDS, seconds):
        micros, started = [], time.perf_counter()
        under_way, number = deque(), 0
        end = started + measured_seconds
        while time.perf_counter() < end:
            while len(under_way) < in_flight:
                under_way.append((time.perf_counter(), begin(number)))
                number += 1
            begun, call = under_way.popleft()
            check(finish(call))
            micros.append((time.perf_counter() - begun) * 1e6)
        elapsed = time.perf_counter() - started
        for _, call in under_way:
            finish(call)
    report_calls(micros, elapsed)


async def calls_async(call, in_flight, seconds):
    """Calls with a client that is awaited: so many tasks call one after the other."""
    for measured_seconds in (WARM_UP_SECONDS, seconds):
        micros, started = [], time.perf_counter()
        end = started + measured_seconds

        async def task(number):
            while (begun := time.perf_counter()) < end:
                check(await call(number))
                micros.append((time.perf_counter() - begun) * 1e6)
                number += in_flight

        await asyncio.gather(*(task(number) for number in range(in_flight)))
        elapsed = time.perf_counter() - started
    report_calls(micros, elapsed)


def report_calls(micros, elapsed):
    micros.sort()

    def quantile(fraction):
        return micros[min(len(micros) - 1, int(len(micros) * fraction))]

    report(calls=len(micros), calls_per_second=len(micros) / elapsed, p50_us=quantile(0.5), p99_us=quantile(0.99))


def publish(send, events):
    """Publishes with a client that blocks."""
    started = time.time()
    for number in range(events):
        send(number)
    report(published=events, started=started, ended=time.time())


async def publish_async(send, events, at_a_time):
    """Publishes with a client that is awaited: so many tasks publish one after the other."""
    started = time.time()
    numbers = iter(range(events))

    async def task():
        for number in numbers:
            await send(number)

    await asyncio.gather(*(task() for _ in range(at_a_time)))
    report(published=events, started=started, ended=time.time())


class Handled:
    """Counts the events that a subscription handled, and reports when it was the last."""

    def __init__(self, events):
        self.left = events

    def one(self, serial):
        if not serial.startswith("SN-"):
            raise SystemExit(f"an event is not what it should be: {serial!r}")
        self.left -= 1
        if self.left == 0:
            report(ended=time.time())
