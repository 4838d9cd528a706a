//! What psql (that is, libpq) takes for a connection string we take too, and what it refuses we refuse.
//!
//! No server is needed: a host that is a folder which does not exist tells a string that was understood from one that
//! was not.

use std::process::Command;

use pgq_client::conn::connect;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use system_tests::server;

use crate::support::run;

/// Whether libpq got as far as connecting.
fn psql_understands(connstr: &str) -> bool {
    let output = Command::new(server::client_program("psql"))
        .args(["-X", "-w", "-c", "select 1", "-d", connstr])
        .output()
        .unwrap_or_else(|e| panic!("cannot start psql: {e}; run `make setup`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "psql connects to {connstr}");
    said.contains("connection to server") || said.contains("could not translate host name")
}

/// The same for ours, and what it said.
fn we_understand(connstr: &str) -> (bool, String) {
    let error = run(connect(connstr, "judged")).expect_err("nobody listens there");
    (error.is_connect(), error.to_string())
}

#[track_caller]
fn check(connstr: &str) {
    let (understood, message) = we_understand(connstr);
    assert_eq!(understood, psql_understands(connstr), "{connstr:?}: {message}");
}

#[test]
fn keyword_strings() {
    for more in [
        "",
        "user=a dbname=b",
        "user = a\tdbname\n= b",
        "user='a b' dbname=''",
        r"user=a\ b dbname='it\'s'",
        "user=a user=b",
        "user='a'dbname=b",
        "user=a'b'",
        "user=",
        "user",
        "user=a b",
        "user='a",
        "=a",
        "USER=a",
        "foo=bar",
        "port=5432",
        "port=' 5432 '",
        "port=0",
        "port=65536",
        "port=5432x",
        "port=1,2",
        "port=-1",
        "hostaddr=nonsense",
        "hostaddr=127.0.0.1,127.0.0.2",
        "sslmode=disable",
        "sslmode=verify-full",
        "sslmode=on",
        "sslmode=REQUIRE",
        "connect_timeout=10",
        "connect_timeout=0",
        "keepalives=1 keepalives_idle=10 keepalives_interval=5 keepalives_count=3",
        "tcp_user_timeout=1000",
        "application_name='a b' fallback_application_name=c",
        "options='-c geqo=off' client_encoding=UTF8",
        "client_encoding=auto",
        "target_session_attrs=read-write",
        "target_session_attrs=prefer-standby",
        "target_session_attrs=leader",
        "channel_binding=require",
        "channel_binding=maybe",
        "gssencmode=disable",
        "gssencmode=sometimes",
        "krbsrvname=postgres gsslib=gssapi",
        "sslcompression=1 sslsni=0 sslcrl=/nowhere",
        "ssl_min_protocol_version=TLSv1.2",
        "ssl_min_protocol_version=TLSv9",
        "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
        "passfile=/nowhere password=x sslpassword=y",
        "replication=off",
        "service=there_is_no_such_service",
    ] {
        check(&format!("host=/nowhere {more}"));
    }
    for connstr in [
        "host=/nowhere,/nowhere",
        "host=/nowhere,/nowhere port=1,2",
        "host=/nowhere,/nowhere port=1,2,3",
        "host=/nowhere,/nowhere port=1,",
    ] {
        check(connstr);
    }
}

#[test]
fn uris() {
    for connstr in [
        "postgresql://%2Fnowhere",
        "postgres://%2Fnowhere/db",
        "postgresql://u:p@%2Fnowhere:5432/db?application_name=x",
        "postgresql://u@%2Fnowhere,%2Fnowhere:1/",
        "postgresql://:p@%2Fnowhere",
        "postgresql://@%2Fnowhere",
        "postgresql:///db?host=/nowhere",
        "postgresql://?host=/nowhere",
        "postgresql://%2Fnowhere?ssl=true",
        "postgresql://%2Fnowhere?ssl=false",
        "postgresql://%2Fnowhere?ssl=true&",
        "postgresql://%2Fnowhere?user",
        "postgresql://%2Fnowhere?user=a=b",
        "postgresql://%2Fnowhere?user=a&&dbname=b",
        "postgresql://%2Fnowhere?=a",
        "postgresql://%2Fnowhere?foo=a",
        "postgresql://%2Fnowhere?us%65r=a",
        "postgresql://%2Fnowhere/%zz",
        "postgresql://%2Fnowhere/%2",
        "postgresql://%2Fnowhere/%00",
        "postgresql://%2Fnowhere:port",
        "postgresql://%2Fnowhere:",
        "postgresql://%2Fnowhere/a/b",
        "postgresql://%2Fnowhere/a@b",
        "postgresql://u@v@%2Fnowhere",
        "postgresql://[",
        "postgresql://[::1",
        "postgresql://[]",
        "postgresql://[::1]x",
        "postgresql://%2Fnowhere?options=-c%20geqo%3Doff",
    ] {
        check(connstr);
    }
}

/// Every case costs a start of psql, so there are few, and the same in every run.
fn runner() -> TestRunner {
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn words_thrown_together() {
    let words = r"host=/nowhere( |=|'|\\|user|dbname|foo|a|5|=a ){0,7}";
    runner()
        .run(&words.prop_map(|text| text.replacen("nowhere", "nowhere ", 1)), |connstr| {
            check(&connstr);
            Ok(())
        })
        .unwrap();
}

#[test]
fn uri_parts_thrown_together() {
    let parts = r"postgresql://(a@|a:b@)?%2Fnowhere(/|\?|&|=|%|%41|user|a|user=a|:1){0,6}";
    runner()
        .run(&parts, |connstr| {
            check(&connstr);
            Ok(())
        })
        .unwrap();
}
