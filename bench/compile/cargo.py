"""What is asked of cargo, and how long it takes."""

import json
import os
import re
import subprocess
import time
from pathlib import Path


class Cargo:
    """cargo in the workspace of the throw-away crates, with a target directory of its own."""

    def __init__(self, workspace: Path):
        self.workspace = workspace
        self.target = workspace / "target"

    def run(self, *arguments, **environment):
        command = ["cargo", *arguments]
        result = subprocess.run(
            command,
            cwd=self.workspace,
            env=os.environ | {"CARGO_TARGET_DIR": str(self.target)} | environment,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}")
        return result.stdout

    def seconds(self, *arguments):
        started = time.perf_counter()
        self.run(*arguments)
        return time.perf_counter() - started

    def clean(self, *arguments):
        self.run("clean", "--quiet", *arguments)

    def expanded_lines(self, package):
        """The lines of the crate once its macros are expanded, by an unstable option that no timed build uses."""
        expand = ["rustc", "-p", package, "--profile", "check", "--", "-Zunpretty=expanded"]
        return len(self.run(*expand, RUSTC_BOOTSTRAP="1").splitlines())

    def kibibytes(self, package):
        return (self.target / "release" / package).stat().st_size / 1024

    def timings(self):
        """How long each crate of the last build with `--timings` took."""
        page = (self.target / "cargo-timings" / "cargo-timing.html").read_text()
        units = re.search(r"const UNIT_DATA = (\[.*?\]);\n", page, re.DOTALL)
        if units is None:
            raise SystemExit("cargo's page of timings holds its data in another place than it used to")
        return json.loads(units.group(1))


def dependencies(root: Path, *features):
    """How many crates Lightbus is built of, itself included."""
    command = ["cargo", "tree", "--locked", "-p", "lightbus", "-e", "normal", "--prefix", "none", *features]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    # A crate that occurs again is marked so.
    return len({line.removesuffix(" (*)") for line in output.splitlines() if line})
