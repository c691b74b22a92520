"""Celery: tasks with results through `rpc://`, and tasks without results in the place of events, which it has not.

Its guide for short tasks is followed: a high prefetch multiplier. The pool is `solo`, which is no slower than `prefork`
with tasks that compute nothing. A publisher is not told whether the broker has a task, unless PEER_CONFIRM is set: then
each is confirmed before the next.
"""

import os

import measure
from celery import Celery
from celery.signals import worker_ready

app = Celery("warranty", broker=measure.URL, backend="rpc://")
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": "PEER_CONFIRM" in os.environ},
    worker_prefetch_multiplier=64,
    worker_redirect_stdouts=False,
)
handled = None


@app.task(name="warranty.check")
def check(serial, customer, note):
    return measure.answer()


@app.task(name="audit.checked", ignore_result=True)
def checked(serial, customer, note):
    handled.one(serial)


def work(queue):
    worker_ready.connect(lambda **_: measure.ready(), weak=False)
    app.worker_main(["--quiet", "worker", "-Q", queue, "--pool", "solo", "--loglevel", "ERROR"])


def call(in_flight, seconds):
    measure.calls(
        lambda number: check.apply_async(kwargs=measure.question(number), queue="warranty"),
        lambda reply: reply.get(timeout=30),
        in_flight,
        seconds,
    )


def subscribe(events):
    global handled
    handled = measure.Handled(events)
    work("audit")


def publish(events):
    measure.publish(lambda number: checked.apply_async(kwargs=measure.question(number), queue="audit"), events)


measure.play(serve=lambda: work("warranty"), call=call, subscribe=subscribe, publish=publish)
