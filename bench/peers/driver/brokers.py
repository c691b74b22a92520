"""Where the peers find each other."""

import contextlib
import shutil
import socket
import tempfile
import time

from environments import NotAvailable
from processes import Failed, running


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def redis(log):
    """A Redis of our own with its defaults: snapshots now and then, no file of every write."""
    server = shutil.which("redis-server")
    if server is None:
        raise NotAvailable("redis-server is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lightbus-redis.") as directory:
        command = [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory]
        with running(command, {}, log):
            wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise Failed("redis-server did not listen within 10 s")
