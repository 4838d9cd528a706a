//! What processes have used so far, from `/proc`.

use std::fs;
use std::time::Duration;

use system_tests::wait::SOON;
use system_tests::{Cluster, holds, wait_for};

/// Length of the tick in which the kernel counts in `/proc/PID/stat`: 100 Hz for programs, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process with one thread, to the nanosecond: a session of a server.
///
/// # Panics
/// When there is no such process.
pub fn session_cpu(pid: u32) -> Duration {
    let text = read(pid, "schedstat");
    let running = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(running.unwrap_or_else(|| panic!("/proc/{pid}/schedstat: {text:?}")))
}

/// CPU time of the sessions that a server has had and that are over.
pub fn finished_sessions_cpu(cluster: &Cluster) -> Duration {
    let server = cluster.server_pid();
    let fields = stat(server).unwrap_or_else(|| panic!("process {server} is gone"));
    // cutime and cstime
    ticks(&fields[13..15])
}

/// CPU time of a program with all its threads; of a server with all its sessions, those that are over included.
pub fn whole_cpu(pid: u32) -> Duration {
    // A process that ends just now counts with its parent next time.
    let of = |pid| stat(pid).map_or(Duration::ZERO, |fields| ticks(&fields[11..15]));
    of(pid) + children_of(pid).into_iter().map(of).sum::<Duration>()
}

/// Memory that a process has, and the most it ever had, in megabytes.
///
/// # Panics
/// When there is no such process.
pub fn memory(pid: u32) -> Memory {
    let text = read(pid, "status");
    let of = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let kilobytes: f64 = kilobytes.unwrap_or_else(|| panic!("/proc/{pid}/status: no {key}"));
        kilobytes / 1024.0
    };
    Memory { now: of("VmRSS:"), most: of("VmHWM:") }
}

/// Resident memory in megabytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What it has.
    pub now: f64,
    /// The most it has had.
    pub most: f64,
}

/// Processes of a server: sessions and background workers.
pub fn children(cluster: &Cluster) -> Vec<u32> {
    children_of(cluster.server_pid())
}

fn children_of(pid: u32) -> Vec<u32> {
    let parent = pid.to_string();
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| stat(pid).is_some_and(|fields| fields[1] == parent))
        .collect()
}

/// Waits until a server has no other processes than these: then the CPU time of all others is known.
pub fn wait_for_only(cluster: &Cluster, known: &[u32]) {
    wait_for("the end of the sessions", SOON, || {
        let others = children(cluster).into_iter().filter(|pid| !known.contains(pid)).count();
        holds(others == 0, format!("{others} processes"))
    });
}

fn read(pid: u32, file: &str) -> String {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The fields of `/proc/PID/stat` from the third on, the state; the second may contain anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn ticks(fields: &[String]) -> Duration {
    fields.iter().map(|field| TICK * field.parse::<u32>().expect("a number of ticks")).sum()
}
