//! The signals that tell a process to stop.
//!
//! tokio never removes its signal handlers, so a signal that nobody listens for any more would be swallowed. Once no run
//! listens, the second signal that the process gets does what it does by default: it ends the process.

#[cfg(unix)]
pub(super) use self::unix::Signals;
#[cfg(windows)]
pub(super) use self::windows::Signals;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, LazyLock, Mutex};
    use std::thread;
    use std::time::{Duration, Instant};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::runtime::bus_runtime::BusRuntime;
    use crate::runtime::sync::lock;

    static LISTENERS: LazyLock<Mutex<Listeners>> = LazyLock::new(Mutex::default);

    /// The runs of this process that listen.
    #[derive(Default)]
    struct Listeners {
        count: usize,
        registered: bool,
        /// Whether the next signal ends the process.
        ends_process: Arc<AtomicBool>,
        /// Whether a signal has been handled since the first run began to listen.
        handled: Arc<AtomicBool>,
    }

    /// How long a handler of a signal may take. It takes microseconds.
    const HANDLER_TIME: Duration = Duration::from_secs(1);

    impl Listeners {
        fn start(&mut self) -> io::Result<()> {
            if self.count == 0 {
                self.ends_process.store(false, Ordering::SeqCst);
                self.handled.store(false, Ordering::SeqCst);
            }
            if !self.registered {
                for signal in [SIGINT, SIGTERM] {
                    // In this order: once `handled` is set, the signal has passed the other one.
                    flag::register_conditional_default(signal, Arc::clone(&self.ends_process))?;
                    flag::register(signal, Arc::clone(&self.handled))?;
                }
                self.registered = true;
            }
            self.count += 1;
            Ok(())
        }

        /// Has the next signal end the process. The handler of the last one may still run on another thread, and must not.
        fn end_process_at_next(&self) {
            let begun = Instant::now();
            while !self.handled.load(Ordering::SeqCst) && begun.elapsed() < HANDLER_TIME {
                thread::yield_now();
            }
            self.ends_process.store(true, Ordering::SeqCst);
        }
    }

    /// Listens until it is dropped.
    pub(in crate::bus) struct Signals {
        /// Empty once it is dropped.
        streams: Option<Streams>,
        received: bool,
        runtime: Arc<BusRuntime>,
    }

    struct Streams {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(in crate::bus) fn listen(runtime: Arc<BusRuntime>) -> io::Result<Self> {
            lock(&LISTENERS).start()?;
            // From here on, dropping it stops listening.
            let mut signals = Self { streams: None, received: false, runtime };
            let interrupt = signal(SignalKind::interrupt())?;
            let terminate = signal(SignalKind::terminate())?;
            signals.streams = Some(Streams { interrupt, terminate });
            Ok(signals)
        }

        /// Waits for a signal, and returns its name.
        pub(in crate::bus) async fn next(&mut self) -> &'static str {
            let signal = match &mut self.streams {
                Some(streams) => streams.next().await,
                None => std::future::pending().await,
            };
            self.received = true;
            signal
        }
    }

    impl Streams {
        async fn next(&mut self) -> &'static str {
            tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
            }
        }
    }

    impl Drop for Signals {
        fn drop(&mut self) {
            let mut listeners = lock(&LISTENERS);
            listeners.count -= 1;
            if listeners.count > 0 {
                return;
            }
            if self.received {
                listeners.end_process_at_next();
            } else if let Some(mut streams) = self.streams.take() {
                // The first one may be another listener's of this process.
                self.runtime.spawn(async move {
                    streams.next().await;
                    let listeners = lock(&LISTENERS);
                    if listeners.count == 0 {
                        listeners.end_process_at_next();
                    }
                });
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io;
    use std::sync::Arc;

    use tokio::signal::windows::{CtrlC, ctrl_c};

    use crate::runtime::bus_runtime::BusRuntime;

    /// What Windows itself ends a process with.
    const CONTROL_C_EXIT: i32 = 0xC000_013A_u32.cast_signed();

    /// Listens until it is dropped.
    pub(in crate::bus) struct Signals {
        received: bool,
        runtime: Arc<BusRuntime>,
        /// Empty once it is dropped.
        ctrl_c: Option<CtrlC>,
    }

    impl Signals {
        pub(in crate::bus) fn listen(runtime: Arc<BusRuntime>) -> io::Result<Self> {
            Ok(Self { received: false, runtime, ctrl_c: Some(ctrl_c()?) })
        }

        /// Waits for a signal, and returns its name.
        pub(in crate::bus) async fn next(&mut self) -> &'static str {
            match &mut self.ctrl_c {
                Some(ctrl_c) => ctrl_c.recv().await,
                None => std::future::pending().await,
            };
            self.received = true;
            "Ctrl-C"
        }
    }

    impl Drop for Signals {
        fn drop(&mut self) {
            let Some(mut ctrl_c) = self.ctrl_c.take() else { return };
            let before = usize::from(!self.received);
            self.runtime.spawn(async move {
                // The first one may be another listener's of this process.
                for _ in 0..=before {
                    ctrl_c.recv().await;
                }
                std::process::exit(CONTROL_C_EXIT);
            });
        }
    }
}
