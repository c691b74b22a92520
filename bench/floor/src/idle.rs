//! APIs that a process serves and that receive no calls.

use anyhow::{Result, ensure};
use lightbus::Bus;

macro_rules! apis {
    ($($module:ident $name:literal)*) => {
        $(
            mod $module {
                /// An API that nobody calls.
                #[lightbus::api(name = $name)]
                pub(crate) trait Idle {
                    /// Does nothing.
                    async fn rest(&self);
                }

                pub(crate) struct Nobody;

                impl Idle for Nobody {
                    async fn rest(&self) {}
                }
            }
        )*

        /// Serves the first `count` of them.
        pub(crate) async fn serve(bus: &Bus, count: usize) -> Result<()> {
            let mut left = count;
            $(
                if left == 0 {
                    return Ok(());
                }
                bus.serve($module::IdleServer::new($module::Nobody)).await?;
                left -= 1;
            )*
            ensure!(left == 0, "there are not so many APIs");
            Ok(())
        }
    };
}

apis! {
    a01 "bench.idle.a01"
    a02 "bench.idle.a02"
    a03 "bench.idle.a03"
    a04 "bench.idle.a04"
    a05 "bench.idle.a05"
    a06 "bench.idle.a06"
    a07 "bench.idle.a07"
    a08 "bench.idle.a08"
    a09 "bench.idle.a09"
    a10 "bench.idle.a10"
    a11 "bench.idle.a11"
    a12 "bench.idle.a12"
    a13 "bench.idle.a13"
    a14 "bench.idle.a14"
    a15 "bench.idle.a15"
    a16 "bench.idle.a16"
    a17 "bench.idle.a17"
    a18 "bench.idle.a18"
    a19 "bench.idle.a19"
    a20 "bench.idle.a20"
    a21 "bench.idle.a21"
    a22 "bench.idle.a22"
    a23 "bench.idle.a23"
    a24 "bench.idle.a24"
}
