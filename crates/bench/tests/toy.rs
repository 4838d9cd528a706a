//! Every measurement once at toy size: it works, and all sides end with the same data.

use bench::job::{JOBS, Job, Options, Report};

fn toy(name: &str, rows: u32) -> Report {
    let job: &Job = JOBS.into_iter().find(|job| job.name == name).expect("a known job");
    let report = (job.run)(&Options { rounds: 1, rows, sides: job.sides.to_vec() });
    assert!(report.to_string().contains("PostgreSQL"), "{report}");
    report
}

#[test]
fn capture() {
    let report = toy("capture", 500).json();
    let rows = report["table"].as_array().expect("a table");
    assert_eq!(rows.len(), 7 * 4, "{report:#}");
    for row in rows {
        let [wall, cpu] = ["wall", "cpu"].map(|key| row[key].as_f64().expect("a number"));
        assert!(wall > 0.0 && cpu >= 0.0, "{row}");
        assert_eq!(row["to C"].is_number(), row["side"] != "none", "{row}");
    }
}
