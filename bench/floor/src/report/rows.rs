//! The rows of the tables.

/// One line of a table: a metric of one thing that was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) work: &'static str,
    pub(crate) metric: &'static str,
}

/// A table, by the name that the page on performance has for it.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) rows: &'static [Row],
}

const fn row(label: &'static str, work: &'static str, metric: &'static str) -> Row {
    Row { label, work, metric }
}

pub(crate) const RPC_P50: Row = row("call, one at a time, p50, µs", "rpc-1", "p50_us");
const RPC_P99: Row = row("call, one at a time, p99, µs", "rpc-1", "p99_us");
const RPC_64: Row = row("calls/s, 64 in flight", "rpc-64", "per_second");
const RPC_512: Row = row("calls/s, 512 in flight", "rpc-512", "per_second");
const EVENTS: Row = row("events/s, confirmed and handled", "events", "per_second");
const MEMORY: Row = row("memory of both sides, 1,000 calls in flight, KiB", "memory", "both_kib");

/// The last line of a run, by name.
pub(crate) const RATIOS: [(&str, &Row); 6] = [
    ("rpc_p50", &RPC_P50),
    ("rpc_p99", &RPC_P99),
    ("rpc_throughput_64", &RPC_64),
    ("rpc_throughput_512", &RPC_512),
    ("events", &EVENTS),
    ("memory", &MEMORY),
];

/// Requests by their size in bytes, one at a time.
pub(crate) const SIZES: [(f64, Row); 4] =
    [(100.0, RPC_P50), (1024.0, RPC_1K), (65536.0, RPC_64K), (1_048_576.0, RPC_1M)];

const RPC_1K: Row = row("1 KiB, one at a time, p50, µs", "rpc-1-1k", "p50_us");
const RPC_64K: Row = row("64 KiB, one at a time, p50, µs", "rpc-1-64k", "p50_us");
const RPC_1M: Row = row("1 MiB, one at a time, p50, µs", "rpc-1-1m", "p50_us");

const EVENT_ROWS: &[Row] = &[
    row("1 task, 1 subscription, events/s", "events", "per_second"),
    row("8 tasks, 1 subscription, events/s", "events-8", "per_second"),
    row("1 task, 5 subscriptions, events/s", "events-5-subscriptions", "per_second"),
    row("8 tasks, 5 subscriptions, events/s", "events-8-5-subscriptions", "per_second"),
    row("1 task, 1 classic queue, events/s", "events-classic", "per_second"),
    row("1,000 a second, from publish to handler, p50, µs", "event-delay", "p50_us"),
    row("1,000 a second, from publish to handler, p99, µs", "event-delay", "p99_us"),
];

/// The rows of the plots.
pub(crate) const OVERVIEW_PLOT: &[Row] = &[RPC_P50, RPC_64, RPC_512, EVENTS, MEMORY];
pub(crate) const EVENTS_PLOT: &[Row] = EVENT_ROWS;

pub(crate) const TABLES: &[Table] = &[
    Table { name: "overview", title: "Overview", rows: &[RPC_P50, RPC_P99, RPC_64, RPC_512, EVENTS, MEMORY] },
    Table {
        name: "processor",
        title: "Processor time",
        rows: &[
            row("caller, one call at a time, µs a call", "rpc-1", "caller_cpu_us"),
            row("server, one call at a time, µs a call", "rpc-1", "server_cpu_us"),
            row("caller, 64 in flight, µs a call", "rpc-64", "caller_cpu_us"),
            row("server, 64 in flight, µs a call", "rpc-64", "server_cpu_us"),
            row("publisher, µs an event", "events", "publisher_cpu_us"),
            row("subscriber, µs an event", "events", "subscriber_cpu_us"),
        ],
    },
    Table {
        name: "sizes",
        title: "Larger requests",
        rows: &[
            RPC_1K,
            row("1 KiB, 64 in flight, calls/s", "rpc-64-1k", "per_second"),
            RPC_64K,
            row("64 KiB, 64 in flight, calls/s", "rpc-64-64k", "per_second"),
            RPC_1M,
            row("1 MiB, 8 in flight, calls/s", "rpc-8-1m", "per_second"),
        ],
    },
    Table {
        name: "growth",
        title: "More processes, more APIs, a backlog",
        rows: &[
            row("calls/s, 64 in flight, 1 process serves", "rpc-64", "per_second"),
            row("calls/s, 64 in flight, 2 processes serve", "rpc-64-2-servers", "per_second"),
            row("calls/s, 64 in flight, 4 processes serve", "rpc-64-4-servers", "per_second"),
            row("calls/s, 64 in flight, 24 more APIs served", "rpc-64-24-apis", "per_second"),
            row("memory of the server, 1 API, KiB", "rpc-64", "server_kib"),
            row("memory of the server, 24 more APIs, KiB", "rpc-64-24-apis", "server_kib"),
            row("events that waited, handled a second", "backlog", "per_second"),
        ],
    },
    Table {
        name: "memory",
        title: "Memory at 1,000 calls in flight",
        rows: &[
            row("caller, most ever resident, KiB", "memory", "caller_kib"),
            row("server, most ever resident, KiB", "memory", "server_kib"),
            row("caller, above what it had after its first call, KiB", "memory", "caller_growth_kib"),
            row("server, above what it had before its first call, KiB", "memory", "server_growth_kib"),
        ],
    },
    Table { name: "events", title: "Events", rows: EVENT_ROWS },
    Table {
        name: "runtime",
        title: "On a multi_thread runtime",
        rows: &[
            row("call, one at a time, p50, µs (multi_thread)", "rpc-1-multi", "p50_us"),
            row("calls/s, 64 in flight (multi_thread)", "rpc-64-multi", "per_second"),
            row("calls/s, 512 in flight (multi_thread)", "rpc-512-multi", "per_second"),
            row("events/s, 8 tasks (multi_thread)", "events-multi", "per_second"),
        ],
    },
    Table {
        name: "queues",
        title: "Calls through a quorum queue",
        rows: &[
            row("call, one at a time, p50, µs (quorum)", "rpc-1-quorum", "p50_us"),
            row("calls/s, 64 in flight (quorum)", "rpc-64-quorum", "per_second"),
        ],
    },
    Table {
        name: "wakeful",
        title: "Beside a broker with +sbwt medium",
        rows: &[
            row("call, one at a time, p50, µs (+sbwt medium)", "rpc-1-wakeful", "p50_us"),
            row("calls/s, 64 in flight (+sbwt medium)", "rpc-64-wakeful", "per_second"),
        ],
    },
    Table {
        name: "counts",
        title: "Counted by valgrind",
        rows: &[
            row("caller, instructions a call", "instructions", "caller"),
            row("server, instructions a call", "instructions", "server"),
            row("caller, allocations a call", "allocations", "caller"),
            row("server, allocations a call", "allocations", "server"),
        ],
    },
];
