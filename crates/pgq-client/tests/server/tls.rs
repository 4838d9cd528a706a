//! All values of `sslmode` against a server with a certificate from a certification authority of our own.

use std::process::Command;
use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use system_tests::cluster::PASSWORD_ROLE;
use system_tests::{Cluster, Database, server, wait_for};
use tempfile::TempDir;

use crate::support::{only, open, output_of, private_file, refusal, run, scalar, until};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The number of the server's certificate.
const SERVER: u64 = 4711;

/// A certificate for these host names, and its key, as PEM.
fn certificate(
    authority: &Authority,
    number: u64,
    common_name: &str,
    hosts: &[&str],
) -> (String, String) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.serial_number = Some(SerialNumber::from(number));
    params.distinguished_name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// A list of certificates that the authority has taken back, to be replaced in that year.
fn revocations(authority: &Authority, numbers: &[u64], until: i32) -> (TempDir, String) {
    let revoked = |number: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*number),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 2),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: numbers.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    private_file("root.crl", &params.signed_by(authority).unwrap().pem().unwrap())
}

/// A cluster that speaks TLS to whom it may concern.
struct Secure {
    cluster: Cluster,
    authority: Authority,
    root: (TempDir, String),
    stranger: (TempDir, String),
}

fn secure() -> &'static Secure {
    static SECURE: OnceLock<Secure> = OnceLock::new();
    SECURE.get_or_init(|| {
        let authority = authority("throw-away authority");
        let cluster = Cluster::start_new();
        let database = cluster.create_database("setup");
        let (server, key) = certificate(&authority, SERVER, "server", &["db.example", "127.0.0.1"]);
        write_on_server(&database, "server.pem", &server);
        write_on_server(&database, "server.key", &key);
        write_on_server(&database, "ca.pem", &authority.pem());
        // Two roles that each may come one way only.
        database.sql("create role only_tls login; create role only_plain login");
        database.sql(
            "copy (values ('hostnossl all only_tls all reject'), ('hostssl all only_plain all reject'))
             to program 'cat - pg_hba.conf > new_hba && mv new_hba pg_hba.conf'",
        );
        switch_on(
            &database,
            &[
                "ssl_cert_file = 'server.pem'",
                "ssl_key_file = 'server.key'",
                "ssl_ca_file = 'ca.pem'",
                "ssl = on",
            ],
        );
        Secure {
            root: private_file("root.pem", &authority.pem()),
            stranger: private_file("root.pem", &self::authority("somebody else").pem()),
            cluster,
            authority,
        }
    })
}

/// Sets what it takes for TLS and waits until the server speaks it.
fn switch_on(database: &Database, settings: &[&str]) {
    for setting in settings {
        database.sql(&format!("alter system set {setting}"));
    }
    database.sql("select pg_reload_conf()");
    wait_for("ssl to be on", system_tests::wait::SOON, || {
        let ssl = database.text("show ssl");
        system_tests::holds(ssl == "on", ssl)
    });
}

/// Writes a file that only the server's user may read into its data folder.
fn write_on_server(database: &Database, name: &str, text: &str) {
    database.sql(&format!(
        "copy (select unnest(string_to_array('{}', e'\\n'))) to program 'umask 077 && cat > {name}'",
        text.trim_end().replace("\r\n", "\n")
    ));
}

const IS_ENCRYPTED: &str = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";

#[test]
fn what_each_mode_accepts() {
    let Secure { cluster, root, stranger, .. } = secure();
    let database = cluster.create_database("tls");
    let (root, stranger) = (&root.1, &stranger.1);
    let connstr = |host: &str, more: &str| {
        let port = cluster.address().port;
        let name = database.name();
        format!("host={host} hostaddr=127.0.0.1 port={port} user=postgres dbname={name} {more}")
    };
    run(async {
        for (host, more, encrypted) in [
            ("any", "sslmode=disable".to_owned(), "false"),
            ("any", "sslmode=allow".to_owned(), "false"),
            ("any", "sslmode=prefer".to_owned(), "true"),
            ("any", "sslmode=require".to_owned(), "true"),
            ("any", format!("sslmode=require sslrootcert={root}"), "true"),
            ("any", format!("sslmode=prefer sslrootcert={stranger}"), "true"),
            ("any", format!("sslmode=verify-ca sslrootcert={root}"), "true"),
            ("db.example", format!("sslmode=verify-full sslrootcert={root}"), "true"),
            ("127.0.0.1", format!("sslmode=verify-full sslrootcert={root}"), "true"),
            ("any", "sslmode=require ssl_min_protocol_version=TLSv1.3".to_owned(), "true"),
            ("any", "sslmode=require ssl_max_protocol_version=TLSv1.2".to_owned(), "true"),
        ] {
            let session = open(&connstr(host, &more)).await;
            assert_eq!(scalar(&session, IS_ENCRYPTED).await, encrypted, "{more}");
            // libpq takes a certificate that it cannot check for a reason to talk in the clear; ours stays encrypted.
            let in_the_clear = more.contains("prefer") && more.contains(stranger);
            let theirs = if in_the_clear { "false" } else { encrypted };
            assert_eq!(psql(&connstr(host, &more)).as_deref(), Some(theirs), "{more}");
        }
        for (host, more, why) in [
            ("any", format!("sslmode=require sslrootcert={stranger}"), "UnknownIssuer"),
            ("any", format!("sslmode=verify-ca sslrootcert={stranger}"), "UnknownIssuer"),
            (
                "any.example",
                format!("sslmode=verify-full sslrootcert={root}"),
                "not valid for name",
            ),
            (
                "any",
                "sslmode=verify-ca sslrootcert=/nowhere".to_owned(),
                "\"/nowhere\" does not exist",
            ),
            ("db.example", "sslrootcert=system".to_owned(), "UnknownIssuer"),
        ] {
            let error = refusal(&connstr(host, &more)).await;
            assert!(error.to_string().contains(why), "{more}: {error}");
            // To a libpq before 16 "system" is the name of a file, and one that is not there is no matter.
            if !more.contains("system") {
                assert_eq!(psql(&connstr(host, &more)), None, "{more}");
            }
        }
    });
}

/// Whether psql connects, and encrypted or not.
fn psql(connstr: &str) -> Option<String> {
    let mut command = Command::new(server::client_program("psql"));
    only(&mut command, &[]);
    let output =
        output_of(command.args(["-X", "-w", "-A", "-t", "-c", IS_ENCRYPTED, "-d", connstr]));
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(answer)
}

#[test]
fn the_other_way_is_tried_where_the_mode_allows() {
    let Secure { cluster, .. } = secure();
    let database = cluster.create_database("tls");
    // PostgreSQL 14 found other words for it.
    let older = database.int("show server_version_num") < 140_000;
    let (plain, tls) =
        if older { ("SSL off", "SSL on") } else { ("no encryption", "SSL encryption") };
    run(async {
        for (role, mode, encrypted) in [
            ("only_tls", "allow", "true"),
            ("only_tls", "prefer", "true"),
            ("only_plain", "prefer", "false"),
            ("only_plain", "allow", "false"),
        ] {
            let session = open(&format!("{} sslmode={mode}", database.connstr_as(role, "-"))).await;
            assert_eq!(scalar(&session, IS_ENCRYPTED).await, encrypted, "{role} {mode}");
        }
        for (role, mode, how) in [("only_tls", "disable", plain), ("only_plain", "require", tls)] {
            let error =
                refusal(&format!("{} sslmode={mode}", database.connstr_as(role, "-"))).await;
            let name = database.name();
            let why = format!(
                "FATAL:  pg_hba.conf rejects connection for host \"127.0.0.1\", \
                 user \"{role}\", database \"{name}\", {how}"
            );
            assert!(error.to_string().ends_with(&why), "{error}");
        }
    });
}

#[test]
fn a_self_signed_certificate_with_a_common_name_only() {
    // As PostgreSQL's manual makes one; the operator hands the same file to the clients.
    let cluster = Cluster::start_new();
    let database = cluster.create_database("tls");
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "dbhost.example");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    write_on_server(&database, "server.crt", &pem);
    write_on_server(&database, "server.key", &key.serialize_pem());
    switch_on(&database, &["ssl = on"]);
    let (_kept, root) = private_file("root.crt", &pem);
    let connstr = |host: &str, mode: &str| {
        let connstr = database.connstr().replace("host=127.0.0.1", "hostaddr=127.0.0.1");
        format!("{connstr} host={host} sslmode={mode} sslrootcert={root}")
    };
    run(async {
        for (host, mode) in [("dbhost.example", "verify-full"), ("any", "verify-ca")] {
            let session = open(&connstr(host, mode)).await;
            assert_eq!(scalar(&session, IS_ENCRYPTED).await, "true", "{mode}");
        }
        let error = refusal(&connstr("other.example", "verify-full")).await;
        assert!(error.to_string().contains("not valid for name"), "{error}");
    });
}

#[test]
fn sockets_are_not_encrypted() {
    let Secure { cluster, .. } = secure();
    let database = cluster.create_database("tls");
    let folder = cluster.address().socket_folder.display();
    let port = cluster.address().port;
    run(async {
        let connstr = format!(
            "host={folder} port={port} user=postgres dbname={} sslmode=verify-full",
            database.name()
        );
        assert_eq!(scalar(&open(&connstr).await, IS_ENCRYPTED).await, "false");
    });
}

#[test]
fn client_certificates() {
    let Secure { cluster, authority, .. } = secure();
    let database = cluster.create_database("tls");
    let (certificate, key) = certificate(authority, 1, "the worker", &[]);
    let (_kept, certificate) = private_file("client.pem", &certificate);
    let (_kept, key) = private_file("client.key", &key);
    run(async {
        let connstr = format!("{} sslcert={certificate} sslkey={key}", database.connstr());
        let session = open(&connstr).await;
        let name = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(scalar(&session, name).await, "/CN=the worker");

        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
        let error = refusal(&connstr).await;
        assert!(error.to_string().contains("has group or world access"), "{error}");
    });
}

#[test]
fn passwords_bound_to_the_channel() {
    let Secure { cluster, .. } = secure();
    let database = cluster.create_database("tls");
    database.sql(&format!(
        "create role {PASSWORD_ROLE}; create role bound login password 'x' in role {PASSWORD_ROLE}"
    ));
    let connstr = database.connstr_as("bound", "x");
    run(async {
        open(&format!("{connstr} sslmode=require channel_binding=require")).await;
        let error = refusal(&format!("{connstr} sslmode=disable channel_binding=require")).await;
        assert!(error.to_string().contains("channel binding"), "{error}");
    });
}

#[test]
fn cancelling_goes_over_tls_too() {
    let Secure { cluster, .. } = secure();
    let database = cluster.create_database("tls");
    run(async {
        let session = open(&format!("{} sslmode=require", database.connstr())).await;
        let pid: i32 = session.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        let cancelling = async {
            let watcher = open(&database.connstr()).await;
            let sleeping = "select (coalesce(wait_event, '') = 'PgSleep')::text from pg_stat_activity where pid = ";
            until(&watcher, &format!("{sleeping}{pid}")).await;
            session.canceller().cancel().await.unwrap();
        };
        let (slept, ()) = tokio::join!(session.batch_execute("select pg_sleep(1000)"), cancelling);
        assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
    });
}

#[test]
fn revoked_certificates_are_refused() {
    let Secure { cluster, authority, root, .. } = secure();
    let database = cluster.create_database("tls");
    let revoked = revocations(authority, &[12, SERVER], 2100);
    let others = revocations(authority, &[12, 13], 2100);
    let nobody = revocations(authority, &[], 2100);
    let outdated = revocations(authority, &[], 2025);
    let strange = revocations(&self::authority("somebody else"), &[SERVER], 2100);
    let connstr = |mode: &str, list: &str| {
        let connstr = database.connstr();
        format!("{connstr} sslmode={mode} sslrootcert={} sslcrl={list}", root.1)
    };
    run(async {
        for (list, refused) in [
            (&revoked, Some("Revoked")),
            (&others, None),
            (&nobody, None),
            (&outdated, Some("revocation list expired")),
            // Somebody else's list says nothing about certificates of this authority.
            (&strange, Some("UnknownRevocationStatus")),
        ] {
            for mode in ["require", "verify-ca", "verify-full"] {
                let connstr = connstr(mode, &list.1);
                assert_eq!(psql(&connstr).is_some(), refused.is_none(), "psql: {refused:?} {mode}");
                match refused {
                    None => {
                        let session = open(&connstr).await;
                        assert_eq!(scalar(&session, IS_ENCRYPTED).await, "true", "{mode}");
                    }
                    Some(why) => {
                        let error = refusal(&connstr).await.to_string();
                        assert!(error.contains("SSL error: ") && error.contains(why), "{error}");
                    }
                }
            }
        }
        // Where no certificate is checked, no list is needed.
        open(&format!("{} sslmode=require sslcrl={}", database.connstr(), revoked.1)).await;
        // libpq goes on without a list that it cannot read; whoever names one wants it looked at.
        let error = refusal(&connstr("verify-ca", "/nowhere")).await.to_string();
        let why = "could not read certificate revocation list \"/nowhere\": ";
        assert!(error.starts_with(why), "{error}");
    });
}

/// Servers speak TLS from the first byte on since PostgreSQL 17.
#[test]
fn tls_from_the_first_byte() {
    let Secure { cluster, root, .. } = secure();
    let database = cluster.create_database("tls");
    let direct = |mode: &str| {
        format!("{} sslnegotiation=direct sslrootcert={} {mode}", database.connstr(), root.1)
    };
    let speaks_it = database.int("show server_version_num") >= 170_000;
    run(async {
        for mode in ["require", "verify-ca", "verify-full"] {
            let connstr = direct(&format!("sslmode={mode}"));
            if speaks_it {
                let session = open(&connstr).await;
                assert_eq!(scalar(&session, IS_ENCRYPTED).await, "true", "{mode}");
            } else {
                let error = refusal(&connstr).await.to_string();
                let (place, why) = error.split_once(" failed: ").expect("it says where and why");
                assert!(
                    place.starts_with("connection to server at \"127.0.0.1\", port "),
                    "{error}"
                );
                assert!(why.starts_with("SSL error: "), "{error}");
            }
        }
        // Never in the clear, not even where everything else would be in order.
        for mode in ["", "sslmode=prefer", "sslmode=allow", "sslmode=disable"] {
            let error = refusal(&direct(mode)).await.to_string();
            assert!(error.starts_with("weak sslmode "), "{error}");
        }
    });
}
