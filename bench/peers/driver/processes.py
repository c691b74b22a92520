"""Processes that the driver starts and ends."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading

TIME_LIMIT = 120


class Failed(Exception):
    """A process did not do what it was started for."""


class Process:
    """A process with what it says, line by line."""

    def __init__(self, command, environment, log):
        self.log = log
        with open(log, "w") as errors:
            # In a process group of its own, so that what it starts ends with it.
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def line(self):
        try:
            line = self.lines.get(timeout=TIME_LIMIT)
        except queue.Empty:
            raise Failed(f"it said nothing for {TIME_LIMIT} s (its log is {self.log})") from None
        if line is None:
            raise Failed(f"it ended early, with status {self.process.wait()} (its log is {self.log})")
        return line

    def wait_until_ready(self):
        if (line := self.line()) != "ready":
            raise Failed(f"it said {line!r} in place of 'ready'")

    def result(self):
        return json.loads(self.line())

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(command, environment, log):
    process = Process(command, environment, log)
    try:
        yield process
    finally:
        process.stop()
