//! File descriptors: every connection is one. As many as the system allows, with room made for them at the start.

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the kernel's table has room for from the start, where the limit allows so many: 512 KiB.
const TABLE: u64 = 65_536;

/// Raises the process' limit to what the system allows, and makes the kernel's table of descriptors large.
///
/// Call it while the process has one thread. The kernel doubles the table as it fills, and in a process with several
/// threads the one that needs the room sleeps meanwhile, for 10 to 30 ms each time (measured while 5,000 clients connected).
pub fn prepare() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // It may be forbidden; then what is there must do, and accepting pauses when it is used up.
    let _ = setrlimit(Resource::Nofile, raised);
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(TABLE);
    let highest = i32::try_from(limit.min(TABLE)).unwrap_or(i32::MAX) - 1;
    if let Err(error) = fcntl_dupfd_cloexec(std::io::stderr(), highest) {
        log::debug!("the table of file descriptors was not enlarged: {error}");
    }
    log::debug!("file descriptors are there limit={limit}");
}

/// How many a server may open, which raises its limit as far as it goes; none: as many as it likes.
pub fn most() -> Option<i64> {
    let most = getrlimit(Resource::Nofile).maximum?;
    Some(i64::try_from(most).unwrap_or(i64::MAX))
}

/// How many this process may open; none: as many as it likes.
pub fn limit() -> Option<i64> {
    let limit = getrlimit(Resource::Nofile).current?;
    Some(i64::try_from(limit).unwrap_or(i64::MAX))
}
