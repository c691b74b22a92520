"""The peers, and how they are driven."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    name: str
    title: str  # with the version of its requirements in the place of {version}
    broker: str  # "rabbitmq", "redis" or "none"
    # The folder of its source and requirements; None for the peers in Rust.
    folder: str | None
    # How many events are published in a round; 0 when there are none to measure.
    events: int
    # What the publisher knows when it has published.
    confirmed: str
    calls: bool = True
    environment: dict = field(default_factory=dict)


PEERS = [
    Peer("lightbus", "**Lightbus**", "rabbitmq", None, 40_000, "each on disk, 256 at a time"),
    Peer("nameko", "nameko {version}", "rabbitmq", "nameko", 4_000, "each on disk, one by one"),
    Peer("faststream", "FastStream {version}", "rabbitmq", "faststream", 4_000, "each on disk, 256 at a time"),
    Peer("celery", "Celery {version}", "rabbitmq", "celery", 4_000, "nothing"),
    Peer(
        "celery-confirmed",
        "Celery {version}, confirmed",
        "rabbitmq",
        "celery",
        4_000,
        "each on disk, one by one",
        calls=False,
        environment={"PEER_CONFIRM": "1"},
    ),
    Peer(
        "python-lightbus",
        "Python Lightbus {version}",
        "redis",
        "python-lightbus",
        4_000,
        "each in memory, 64 at a time",
    ),
    Peer("tarpc", "tarpc 0.38.0, no broker", "none", None, 0, ""),
]
