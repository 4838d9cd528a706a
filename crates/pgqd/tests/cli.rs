//! The command line, seen from outside; and the same input to the original, which must say the same.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use system_tests::normalise::normalise;
use system_tests::{Impl, Outcome, Program, folder, run};

/// A folder with an ini file, in which the program runs.
struct Place(PathBuf);

impl Place {
    fn new(ini: &str) -> Place {
        let folder = folder::fresh("cli");
        fs::write(folder.join("x.ini"), ini).expect("own folder");
        Place(folder)
    }

    fn ours(&self, args: &str) -> Outcome {
        run(Path::new(env!("CARGO_BIN_EXE_pgqd")), &self.0, args.split_whitespace())
    }

    fn theirs(&self, args: &str) -> Outcome {
        run(&Impl::Reference.executable(Program::Pgqd), &self.0, args.split_whitespace())
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }
}

/// What a program said and how it ended, without the original's references to its source.
fn said(outcome: &Outcome) -> String {
    let stderr = normalise(&outcome.stderr);
    let lines = stderr.lines().map(|line| match line.split_once("FATAL @") {
        Some((start, rest)) => {
            let (_, text) = rest.split_once("(): ").expect("a function's name");
            format!("{start}FATAL {text}")
        }
        None => line.to_owned(),
    });
    let stderr: Vec<String> = lines.collect();
    let code = outcome.code().expect("not killed");
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", outcome.stdout, stderr.join("\n"))
}

#[test]
fn help() {
    assert_snapshot!(said(&Place::new("").ours("-h")));
}

#[test]
fn sample_configuration() {
    assert_snapshot!(said(&Place::new("").ours("--ini")));
}

#[test]
fn version() {
    let place = Place::new("");
    for switch in ["-V", "--version"] {
        let outcome = place.ours(switch);
        assert_eq!(outcome.stdout, "pgqd version 3.5\n");
        assert_eq!(outcome.code(), Some(0));
    }
}

#[test]
fn switches_nobody_knows() {
    assert_snapshot!(said(&Place::new("").ours("-vZ x.ini")));
}

/// Each of these is refused, or answered without a daemon, in the very same words by both.
#[test]
fn both_say_the_same() {
    for (ini, args) in [
        ("", ""),
        ("", "-v -q"),
        ("", "a b"),
        ("", "-V"),
        ("", "-VZ"),
        ("", "none.ini"),
        ("", "-s -- -x.ini"),
        ("", "x.ini"),
        ("[pgqd]\nfoo = 1\n", "x.ini"),
        ("[pgqd]\nfoo = 1\n", "-q x.ini"),
        ("[pgqd]\nticker_period = x\n", "-v x.ini"),
        ("[pgqd]\nticker_period = x\n", "x.ini"),
        ("[pgqd]\nticker_period = -1\n", "x.ini"),
        ("[pgqd]\nticker_period = 1s\n", "x.ini"),
        ("[pgqd]\nsyslog = yes\n", "x.ini"),
        ("[pgqd]\nsyslog = 08\n", "x.ini"),
        ("[foo]\nsyslog = 1\n", "x.ini"),
        ("[ pgqd ]\n", "x.ini"),
        ("syslog = 1\n", "x.ini"),
        ("[pgqd]\nwhat\n", "x.ini"),
        ("[pgqd\n", "x.ini"),
        ("[pgqd] x\n", "x.ini"),
        ("[pgqd]\nlog file = x\n", "x.ini"),
        ("[pgqd]\n%include none.ini\n", "x.ini"),
        ("[pgqd]\n%include x.ini\n", "x.ini"),
        ("[pgqd]\n%included x.ini\n", "x.ini"),
        ("[pgqd]\nlogfile = ~nobody-at-all/x\n", "x.ini"),
        ("[pgqd]\n", "-s x.ini"),
        ("[pgqd]\npidfile =\n", "-qr x.ini"),
        ("[pgqd]\npidfile = none.pid\n", "-s x.ini"),
        ("[pgqd]\npidfile = none.pid\n", "-qk x.ini"),
        ("; c\n [pgqd] # c\n\tpidfile=none.pid\nstats_period = 1.5\nsyslog = 0x10\n", "-r x.ini"),
        ("[pgqd]\nsyslog = 0\n", "-d x.ini"),
        ("[pgqd]\nsyslog = 0\npidfile = x.pid\n", "-d x.ini"),
        ("[pgqd]\nsyslog = 0\npidfile = none/x.pid\nlogfile = x.log\n", "-d x.ini"),
        ("[pgqd]\nsyslog = 0\npidfile = none/x.pid\n", "x.ini"),
    ] {
        let place = Place::new(ini);
        let (ours, theirs) = (said(&place.ours(args)), said(&place.theirs(args)));
        assert_eq!(ours, theirs, "pgqd {args}\n{ini}");
    }
}

#[test]
fn errors_go_to_the_log_file_named_before_them() {
    let place = Place::new("[pgqd]\nlogfile = x.log\nfoo = 1\n");
    let outcome = place.ours("x.ini");
    assert_eq!(place.read("x.log"), Some(outcome.stderr));
    let log = place.read("x.log").expect("written");
    assert!(log.ends_with("FATAL failed to read config\n"), "{log}");
}

#[test]
fn a_misspelt_key_is_answered_with_the_right_one() {
    assert_snapshot!(said(&Place::new("[pgqd]\nticker_perod = 1\n").ours("x.ini")));
}

#[test]
fn a_log_file_that_cannot_be_opened() {
    let place = Place::new("[pgqd]\nlogfile = none/x.log\n");
    for outcome in [place.ours("-q x.ini"), place.theirs("-q x.ini")] {
        assert_eq!(outcome.code(), Some(1));
        let line = outcome.stderr;
        assert!(
            line.ends_with(" FATAL Cannot open logfile: 'none/x.log': No such file or directory\n"),
            "{line}"
        );
        // Date, time, zone, process without brackets.
        assert!(line.split(' ').nth(3).is_some_and(|pid| pid.parse::<u32>().is_ok()), "{line}");
    }
}

#[test]
fn a_password_in_the_configuration_stays_there() {
    let place =
        Place::new("[pgqd]\nbase_connstr = host=h password=secret\nfoo = password=secret\n");
    let outcome = place.ours("-vv x.ini");
    assert_eq!(outcome.code(), Some(1));
    assert!(outcome.stderr.contains("'base_connstr' = 'host=h [...]'"), "{outcome}");
    assert!(!outcome.stderr.contains("secret"), "{outcome}");
}
