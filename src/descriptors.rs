//! File descriptors: every connection is one. As many as the system allows, with room made for them at the start.

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the kernel's table has room for from the start, where the limit allows so many: 512 KiB.
const TABLE: u64 = 65_536;
/// Taken for the limit where there is none: Linux' own for one process.
const UNLIMITED: u64 = 1 << 20;

/// How many the process may have now.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED)
}

/// How many it may have once it has raised its limit.
pub fn most() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(UNLIMITED)
}

/// Raises the process' limit to what the system allows, and makes the kernel's table of descriptors large.
///
/// Call it while the process has one thread. The kernel doubles the table as it fills, and in a process with several
/// threads the one that needs the room sleeps meanwhile, for 10 to 30 ms each time (measured while 5,000 clients connected).
pub fn prepare() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // It may be forbidden; then what is there must do, and accepting pauses when it is used up.
    let _ = setrlimit(Resource::Nofile, raised);
    let limit = limit();
    let highest = i32::try_from(limit.min(TABLE)).unwrap_or(i32::MAX) - 1;
    if let Err(error) = fcntl_dupfd_cloexec(std::io::stderr(), highest) {
        log::debug!("the table of file descriptors was not enlarged: {error}");
    }
    log::debug!("file descriptors are there limit={limit}");
}
