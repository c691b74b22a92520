"""Measures what an API adds to a build. `scripts/bench-compile` starts this."""

import argparse
import os
import sys
import time
from pathlib import Path

import cargo
import crates
import machine
import tables

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PAGE = ROOT / "docs/performance.md"
NOTES = ROOT / "bench/NOTES.md"

SIZES = [0, 5, 100]
# How many of the slowest dependencies the table shows.
SLOWEST = 15

HEADINGS = [
    "methods",
    "`check`, clean",
    "`build`, clean",
    "`build`, trait changed",
    "`build`, body changed",
    "`build --release`, clean",
    "lines expanded",
    "binary, KiB",
]
COLUMNS = ["check", "build", "trait", "body", "release", "lines", "kibibytes"]
SECONDS = COLUMNS[:5]


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-compile")
    parser.add_argument("--rounds", type=int, default=3, help="how often each build is measured (3)")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr)


def measure_round(builds, workspace, methods, marker):
    """Returns the seconds of each build of one crate whose dependencies are already built."""
    package = f"methods-{methods}"
    builds.clean("-p", package)
    seconds = {"check": builds.seconds("check", "-p", package)}
    seconds["build"] = builds.seconds("build", "-p", package)
    if methods:
        crates.alter_trait(workspace, methods, marker)
        seconds["trait"] = builds.seconds("build", "-p", package)
        crates.alter_body(workspace, methods, marker)
        seconds["body"] = builds.seconds("build", "-p", package)
    builds.clean("-p", package, "--release")
    seconds["release"] = builds.seconds("build", "-p", package, "--release")
    return seconds


def build_dependencies(builds):
    """Builds everything once, and returns what each dependency took in a clean build for development."""
    builds.clean()
    whole = builds.seconds("build", "-p", "methods-0", "--timings")
    units = builds.timings()
    builds.run("build", "--release", "--workspace")
    builds.run("check", "--workspace")
    builds.run("build", "--workspace")
    return whole, units


def slowest(units):
    """Returns the seconds of each dependency, with its build script, the slowest first."""
    seconds = {}
    for unit in units:
        name = f"{unit['name']} {unit['version']}"
        seconds[name] = seconds.get(name, 0) + unit["duration"]
    return sorted(seconds.items(), key=lambda item: -item[1])


def rows(rounds, facts):
    for methods in SIZES:
        measured = [result[methods] for result in rounds]
        cells = [tables.cell([one.get(column) for one in measured], 2) for column in SECONDS]
        yield [str(methods), *cells, f"{facts[methods]['lines']:,}", f"{facts[methods]['kibibytes']:,.0f}"]
    yield ["each more", *(each_more(rounds, facts, column) for column in COLUMNS)]


def each_more(rounds, facts, column):
    """Returns what each further method costs, from the difference between the two APIs."""
    few, many = SIZES[1:]
    if column in SECONDS:
        values = [1000 * (result[many][column] - result[few][column]) / (many - few) for result in rounds]
        return f"{tables.cell(values)} ms"
    return f"{(facts[many][column] - facts[few][column]) / (many - few):,.1f}"


def main():
    options = arguments()
    workspace = TARGET / "bench-compile"
    crates.write_workspace(workspace, ROOT, SIZES)
    builds = cargo.Cargo(workspace)

    say("building the dependencies")
    whole, units = build_dependencies(builds)
    rounds = []
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        result = {}
        for methods in SIZES:
            result[methods] = measure_round(builds, workspace, methods, number)
        rounds.append(result)
    facts = {
        methods: {
            "lines": builds.expanded_lines(f"methods-{methods}"),
            "kibibytes": builds.kibibytes(f"methods-{methods}"),
        }
        for methods in SIZES
    }
    counts = {
        "without features": cargo.dependencies(ROOT),
        "with `tls`": cargo.dependencies(ROOT, "--features", "tls"),
    }
    report(whole, slowest(units), rounds, facts, counts)


def report(whole, dependencies, rounds, facts, counts):
    table = list(rows(rounds, facts))
    crate_rows = [[name, f"{seconds:.1f}"] for name, seconds in dependencies[:SLOWEST]]
    sums = [
        f"Crates that Lightbus is built of, itself included: {count} {what}." for what, count in counts.items()
    ] + [f"A clean build for development of the program without an API: {whole:.0f} s, {len(dependencies)} crates."]
    print(tables.text(HEADINGS, table), "", *sums, "", tables.text(["crate", "s"], crate_rows), sep="\n")
    tables.write_json(
        TARGET / "bench" / "compile.json",
        measured=time.strftime("%Y-%m-%d"),
        machine=machine.describe(),
        rounds=rounds,
        facts=facts,
        dependencies=counts,
        clean_build_seconds=whole,
        crates=dict(dependencies),
    )
    parts = [
        tables.markdown(HEADINGS, table, range(1, len(HEADINGS))),
        "\n".join(f"- {text}" for text in sums),
    ]
    for page, name, content in [
        (PAGE, "compile", "\n\n".join(parts)),
        (NOTES, "crates", tables.markdown(["crate", "s"], crate_rows, [1])),
    ]:
        if tables.write_between_markers(page, name, content):
            say(f"the {name} table is in {page.relative_to(ROOT)} too")


main()
