"""What has to be there before a peer can run: virtual environments, and the program with the peers in Rust."""

import json
import subprocess
import sys
from pathlib import Path


class NotAvailable(Exception):
    """A peer, or what it needs, cannot be had here; the text goes into its row."""


def virtual_environment(sources: Path, target: Path) -> Path:
    """The python of an environment with exactly the packages of a requirements file, made if it is not there yet."""
    wanted = (sources / "requirements.txt").read_text()
    made_from, python = target / "made-from.txt", target / "bin" / "python"
    if made_from.exists() and made_from.read_text() == wanted:
        return python
    print(f"installing the packages of {sources}", file=sys.stderr)
    run([sys.executable, "-m", "venv", "--clear", str(target)], "no virtual environment could be made")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Old packages among them are built here, and some of those need what newer versions of setuptools dropped.
    run([*install, "setuptools==69.5.1", "wheel==0.45.1"], "setuptools could not be installed")
    run(
        [*install, "--no-build-isolation", "--no-deps", "-r", str(sources / "requirements.txt")],
        "its packages could not be installed",
    )
    made_from.write_text(wanted)
    return python


def rust_program() -> Path:
    """The program with the peers in Rust."""
    print("compiling the peers in Rust", file=sys.stderr)
    build = ["cargo", "build", "--release", "--locked", "-p", "lightbus-bench-peers"]
    built = subprocess.run([*build, "--message-format=json"], stdout=subprocess.PIPE, text=True, check=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "lightbus-bench-peers":
            return Path(message["executable"])
    raise SystemExit("cargo did not say where it put lightbus-bench-peers")


def versions(sources: Path) -> dict[str, str]:
    lines = (sources / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def run(command: list[str], problem: str):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        output = (result.stderr or result.stdout).strip()
        print(output, file=sys.stderr)
        raise NotAvailable(f"{problem}: {output.splitlines()[-1] if output else result.returncode}")
