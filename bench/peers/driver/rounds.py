"""One round: every peer once, so that whatever else the machine does meets all of them alike."""

import sys
from pathlib import Path

import machine
from processes import Failed, running

IN_FLIGHT = 64


class Roles:
    """A peer that can be started in each of its roles."""

    def __init__(self, peer, command, environment, logs: Path):
        self.peer = peer
        self.command = command
        self.environment = environment | peer.environment
        self.logs = logs

    def start(self, role, *numbers):
        command = [*self.command, role, *map(str, numbers)]
        return running(command, self.environment, self.logs / f"{self.peer.name}-{role}.log")

    def measure(self, seconds):
        result = {}
        if self.peer.calls:
            with self.start("serve") as server:
                server.wait_until_ready()
                result["one"] = self.call(1, seconds)
                result["many"] = self.call(IN_FLIGHT, seconds)
        if self.peer.events:
            result["events"] = self.events(self.peer.events)
        return result

    def call(self, in_flight, seconds):
        with self.start("call", in_flight, seconds) as caller:
            return caller.result()

    def events(self, events):
        with self.start("subscribe", events) as subscriber:
            subscriber.wait_until_ready()
            with self.start("publish", events) as publisher:
                published = publisher.result()
            handled = subscriber.result()
        return {
            "events_per_second": events / (handled["ended"] - published["started"]),
            "published_per_second": events / (published["ended"] - published["started"]),
        }


def measure(peers: dict[str, Roles], rounds, seconds, lock, problems):
    """The results of each round. A peer that fails is left out from then on, with the reason in `problems`."""
    results = []
    names = list(peers)
    for number in range(rounds):
        with machine.reserved(lock):
            result = {}
            for name in rotated(names, number):
                if name in problems:
                    continue
                print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
                try:
                    result[name] = peers[name].measure(seconds)
                except Failed as failed:
                    problems[name] = str(failed)
            results.append(result)
    return results


def rotated(names, by):
    by %= len(names)
    return names[by:] + names[:by]
