//! The sample files that the programs print: an operator's habits and scripts find the same keys in ours.

use system_tests::Impl::{Ours, Reference};
use system_tests::{Impl, Program, folder, run};

/// Keys of a sample file in order; `#key = value` is a key that is commented out.
fn keys(implementation: Impl, program: Program) -> Vec<String> {
    let sample = run(&implementation.executable(program), folder::root(), ["--ini"]).ok();
    sample
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" ="))
        .map(|(key, _)| key.to_owned())
        .filter(|key| {
            key.trim_start_matches('#').chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
        .collect()
}

#[test]
fn londistes_has_the_keys_of_the_original_in_the_same_order() {
    let (theirs, ours) = (keys(Reference, Program::Londiste), keys(Ours, Program::Londiste));
    assert!(theirs.len() > 30, "{theirs:?}");
    // Ours may know more.
    let common: Vec<_> = ours.iter().filter(|key| theirs.contains(key)).collect();
    assert_eq!(common, theirs.iter().collect::<Vec<_>>());
}

#[test]
fn pgqds_has_the_keys_of_the_original_in_the_same_order() {
    let (theirs, ours) = (keys(Reference, Program::Pgqd), keys(Ours, Program::Pgqd));
    assert!(theirs.len() > 10, "{theirs:?}");
    let common: Vec<_> = ours.iter().filter(|key| theirs.contains(key)).collect();
    assert_eq!(common, theirs.iter().collect::<Vec<_>>());
}
