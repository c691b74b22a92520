"""The machine that measures: what it is, and having it for oneself."""

import contextlib
import fcntl
import os
import platform
import subprocess


def describe(**commands):
    """Cores, system and compiler, and the first line that each of the commands prints."""
    commands["rust"] = ["rustc", "--version"]
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: first_line(command) for name, command in commands.items()},
    }


def first_line(command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return next(iter(result.stdout.strip().splitlines()), None)


@contextlib.contextmanager
def reserved(lock):
    """Holds a lock on a file, if one is named, so that whoever heeds it leaves the machine alone meanwhile."""
    if lock is None:
        yield
        return
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
