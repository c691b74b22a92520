"""Measures Lightbus beside its peers; `scripts/bench-peers` starts this with a RabbitMQ node to use."""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import brokers
import environments
import machine
import rounds
import tables
from environments import NotAvailable
from peers import PEERS
from processes import Failed

SOURCES = Path(__file__).resolve().parent.parent
ROOT = SOURCES.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PAGE = ROOT / "docs/performance-peers.md"

HEADINGS = [
    "",
    "p50 µs",
    "p99 µs",
    "calls/s",
    f"{rounds.IN_FLIGHT} in flight, calls/s",
    "events/s",
    "confirmed to the publisher",
]
COLUMNS = [
    ("one", "p50_us"),
    ("one", "p99_us"),
    ("one", "calls_per_second"),
    ("many", "calls_per_second"),
    ("events", "events_per_second"),
]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers")
    parser.add_argument("--rounds", type=positive, default=3, help="how often each peer is measured (3)")
    parser.add_argument("--seconds", type=positive, default=4, help="how long calls are measured for each time (4)")
    parser.add_argument("--only", nargs="+", metavar="PEER", choices=[peer.name for peer in PEERS], help="fewer peers")
    parser.add_argument("--lock", metavar="FILE", help="hold a lock on this file while a round is measured")
    return parser.parse_args()


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def title(peer):
    if peer.folder is None:
        return peer.title
    package = {"python-lightbus": "lightbus"}.get(peer.folder, peer.folder)
    return peer.title.format(version=environments.versions(SOURCES / peer.folder)[package])


def rows(peers, titles, results, problems):
    for peer in peers:
        if peer.name in problems:
            yield [titles[peer.name], *["–"] * len(COLUMNS), f"not measured: {problems[peer.name]}"]
            continue
        measured = [result[peer.name] for result in results]
        cells = (tables.cell([one.get(part, {}).get(value) for one in measured]) for part, value in COLUMNS)
        yield [titles[peer.name], *cells, peer.confirmed or "–"]


def prepare(peers, logs, resources, problems):
    """Each peer with its program and its broker. What cannot be had here is a problem of its peer, not of the run."""
    urls = {"rabbitmq": os.environ["LIGHTBUS_TEST_URL"] + "/", "none": f"127.0.0.1:{brokers.free_port()}"}
    rust = None
    prepared = {}
    for peer in peers:
        try:
            if peer.broker == "redis" and "redis" not in urls:
                urls["redis"] = resources.enter_context(brokers.redis(logs / "redis.log"))
            if peer.folder is None:
                rust = rust or environments.rust_program()
                command = [str(rust), peer.name]
            else:
                python = environments.virtual_environment(SOURCES / peer.folder, TARGET / "bench-peers" / peer.folder)
                command = [str(python), "-W", "ignore", str(SOURCES / peer.folder / "peer.py")]
        except (NotAvailable, Failed) as problem:
            problems[peer.name] = str(problem)
            continue
        environment = {
            "PEER_URL": urls[peer.broker],
            "PYTHONPATH": str(SOURCES / "shared"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        prepared[peer.name] = rounds.Roles(peer, command, environment, logs)
    return prepared


def main():
    options = arguments()
    # So that everything that was started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    peers = [peer for peer in PEERS if options.only is None or peer.name in options.only]
    logs = TARGET / "bench-peers" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    problems = {}
    with contextlib.ExitStack() as resources:
        with machine.reserved(options.lock):
            prepared = prepare(peers, logs, resources, problems)
        results = rounds.measure(prepared, options.rounds, options.seconds, options.lock, problems)

    titles = {peer.name: title(peer) for peer in peers}
    table = list(rows(peers, titles, results, problems))
    print(tables.text(HEADINGS, table))
    tables.write_json(
        TARGET / "bench" / "peers.json",
        measured=time.strftime("%Y-%m-%d"),
        machine=machine.describe(
            rabbitmq=[os.environ["LIGHTBUS_TEST_RABBITMQCTL"], "--silent", "version"],
            redis=["redis-server", "--version"],
        ),
        options=vars(options),
        titles=titles,
        problems=problems,
        rounds=results,
    )
    if options.only is None:
        numbers = range(1, len(COLUMNS) + 1)
        if tables.write_between_markers(PAGE, "peers", tables.markdown(HEADINGS, table, numbers)):
            print(f"the table is in {PAGE.relative_to(ROOT)} too", file=sys.stderr)
    if "lightbus" in problems:
        sys.exit(f"Lightbus could not be measured: {problems['lightbus']}")


main()
