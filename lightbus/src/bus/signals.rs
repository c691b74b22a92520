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

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::register_conditional_default;
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
    }

    impl Listeners {
        fn set_ends_process(&self, ends: bool) {
            self.ends_process.store(ends, Ordering::SeqCst);
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
            let interrupt = signal(SignalKind::interrupt())?;
            let terminate = signal(SignalKind::terminate())?;
            let mut listeners = lock(&LISTENERS);
            if !listeners.registered {
                for signal in [SIGINT, SIGTERM] {
                    register_conditional_default(signal, Arc::clone(&listeners.ends_process))?;
                }
                listeners.registered = true;
            }
            listeners.count += 1;
            listeners.set_ends_process(false);
            Ok(Self { streams: Some(Streams { interrupt, terminate }), received: false, runtime })
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
                listeners.set_ends_process(true);
            } else if let Some(mut streams) = self.streams.take() {
                // The first one may be another listener's of this process.
                self.runtime.spawn(async move {
                    streams.next().await;
                    let listeners = lock(&LISTENERS);
                    if listeners.count == 0 {
                        listeners.set_ends_process(true);
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
