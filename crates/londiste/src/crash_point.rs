//! Named places where tests kill the process.
//!
//! A debug build whose environment names the place in `LONDISTE_CRASH_POINT` ends there as by `kill -9`; release builds
//! have no such code. The names say what has just been done; see the callers for the list.

/// Variable that names the place.
pub const VARIABLE: &str = "LONDISTE_CRASH_POINT";

/// Ends the process without any clean-up if this is the place.
#[inline]
pub(crate) fn crash_point(name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == name) {
        tracing::warn!("crash point {name}");
        // Nothing is left to do when even that fails.
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
