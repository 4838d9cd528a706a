//! Every measurement once at toy size: it works, and all sides end with the same data.

use bench::job::{JOBS, Job, Options};
use serde_json::Value;

/// The rows of the report.
fn toy(name: &str, size: u32, sides: &[&'static str], parts: &[&'static str]) -> Vec<Value> {
    let job: &Job = JOBS.into_iter().find(|job| job.name == name).expect("a known job");
    let sides = if sides.is_empty() { job.sides } else { sides };
    let parts = if parts.is_empty() { job.parts } else { parts };
    let report =
        (job.run)(&Options { rounds: 1, size, sides: sides.to_vec(), parts: parts.to_vec() });
    let printed = report.to_string();
    assert!(printed.contains("PostgreSQL") && printed.contains(sides[0]), "{printed}");
    let json = report.json();
    let rows = json["table"].as_array().expect("a table");
    assert!(
        !rows.is_empty() && json["samples"].as_array().is_some_and(|s| !s.is_empty()),
        "{json}"
    );
    rows.clone()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} is no number: {row}"))
}

#[test]
fn capture() {
    let rows = toy("capture", 500, &[], &[]);
    assert_eq!(rows.len(), 7 * 4, "{rows:?}");
    for row in rows {
        assert!(number(&row, "wall") > 0.0 && number(&row, "cpu") >= 0.0, "{row}");
        assert_eq!(row["to C"].is_number(), row["side"] != "none", "{row}");
    }
}

#[test]
fn replay_by_all_sides() {
    let rows = toy("replay", 500, &[], &["login"]);
    assert_eq!(rows.len(), 3, "{rows:?}");
    for row in rows {
        assert!(number(&row, "rows/s") > 0.0, "{row}");
        assert_eq!(row["to native"].is_number(), row["side"] != "native", "{row}");
    }
}

#[test]
fn replay_of_batches_made_by_the_load() {
    let rows = toy("replay", 500, &["ours", "reference"], &["tiny"]);
    assert!(rows.iter().all(|row| (number(row, "changes") - 50.0).abs() < 0.5), "{rows:?}");
}

#[test]
fn replay_of_the_other_loads() {
    let rows = toy(
        "replay",
        500,
        &["ours"],
        &["tpcb", "wide", "delete", "hot", "tables", "big", "idle-1000"],
    );
    assert!(rows.iter().all(|row| number(row, "rows/s") > 0.0), "{rows:?}");
}

#[test]
fn copy() {
    let large = toy("copy", 500, &[], &["large"]);
    // The original's command looks every some seconds.
    let small = toy("copy", 500, &["ours", "native"], &["small"]);
    for row in large.iter().chain(&small) {
        assert!(number(row, "seconds") > 0.0, "{row}");
        assert_eq!(row["of native"].is_number(), row["side"] != "native", "{row}");
    }
}

#[test]
fn latency() {
    let quiet = toy("latency", 2, &["ours", "native"], &["quiet"]);
    let busy = toy("latency", 2, &["ours", "reference"], &["busy"]);
    for row in quiet.iter().chain(&busy) {
        assert!(
            number(row, "median") > 0.0 && number(row, "worst") >= number(row, "median"),
            "{row}"
        );
    }
}

#[test]
fn memory() {
    let rows = toy("memory", 500, &[], &["login"]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        assert!(number(&row, "worker idle") > 1.0, "{row}");
        assert!(number(&row, "worker most") > 1.0 && number(&row, "pgqd most") > 1.0, "{row}");
    }
}

#[test]
fn idle() {
    let rows = toy("idle", 1, &[], &[]);
    // Three daemons and two servers, for native only these; a ticker and its server.
    assert_eq!(rows.len(), 5 + 5 + 2 + 2 * 2, "{rows:?}");
    assert!(rows.iter().all(|row| number(row, "cpu") >= 0.0), "{rows:?}");
}
