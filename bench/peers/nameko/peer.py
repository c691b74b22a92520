"""nameko: a service with 64 workers (its prefetch too), and the standalone proxy and dispatcher of its documentation.

The dispatcher confirms each event before the next; it has no other way.
"""

import sys

if sys.argv[1] in ("serve", "subscribe"):
    # As `nameko run` does before anything else.
    import eventlet

    eventlet.monkey_patch()

import signal

import measure
from nameko.events import event_handler
from nameko.rpc import rpc
from nameko.runners import ServiceRunner
from nameko.standalone.events import event_dispatcher
from nameko.standalone.rpc import ClusterRpcProxy

CONFIG = {"AMQP_URI": measure.URL, "max_workers": 64}


class Warranty:
    name = "warranty"

    @rpc
    def check(self, serial, customer, note):
        return measure.answer()


def audit(handled):
    class Audit:
        name = "audit"

        @event_handler("warranty", "checked")
        def on_checked(self, event):
            handled.one(event["serial"])

    return Audit


def run(service):
    runner = ServiceRunner(CONFIG)
    runner.add_service(service)
    runner.start()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(runner.stop))
    measure.ready()
    runner.wait()


def call(in_flight, seconds):
    with ClusterRpcProxy(CONFIG) as cluster:
        check = cluster.warranty.check
        measure.calls(
            lambda number: check.call_async(**measure.question(number)),
            lambda reply: reply.result(),
            in_flight,
            seconds,
        )


def publish(events):
    dispatch = event_dispatcher(CONFIG)
    measure.publish(lambda number: dispatch("warranty", "checked", measure.question(number)), events)


measure.play(
    serve=lambda: run(Warranty),
    call=call,
    subscribe=lambda events: run(audit(measure.Handled(events))),
    publish=publish,
)
