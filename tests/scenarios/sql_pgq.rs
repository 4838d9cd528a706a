//! The schema pgq against the reference's extension: the same scripts, the same transcripts.

use std::path::Path;
use std::time::Duration;

use system_tests::Cluster;
use system_tests::under_test::{command, finish};

#[test]
fn pgq_answers_as_the_reference_does() {
    // Of its own: the scripts use databases and roles of fixed names.
    let cluster = Cluster::start_new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut run = command(&here.join("run"), &here);
    run.env("PGHOST", "127.0.0.1").env("PGPORT", cluster.address().port.to_string());
    let outcome = finish(Duration::from_secs(120), run.env("PGUSER", "postgres")).ok();
    assert!(outcome.stdout.matches(": same, ").count() > 3, "{outcome}");
}
