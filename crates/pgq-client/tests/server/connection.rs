//! Connections against real servers: sockets, passwords, notices, cancelling, and libpq's words for what goes wrong.

use pgq_client::Error;
use pgq_client::conn::Notice;
use system_tests::Cluster;
use system_tests::cluster::PASSWORD_ROLE;

use crate::support::{database, example, open, private_file, refusal, run, scalar, until};

#[test]
fn tcp_and_socket() {
    let database = database("conn");
    let port = database.address().port;
    let folder = database.address().socket_folder.display();
    let name = database.name();
    run(async {
        for connstr in [
            format!("host=127.0.0.1 port={port} user=postgres dbname={name}"),
            format!("host={folder} port={port} user=postgres dbname={name}"),
            format!("postgresql://postgres@127.0.0.1:{port}/{name}?application_name=job%3Adb"),
            // The first host has no server, the second one has.
            format!("host=/nowhere,127.0.0.1 port={port} user=postgres dbname={name}"),
            format!(
                "host=127.0.0.1 port={port} user=postgres dbname={name} target_session_attrs=primary"
            ),
        ] {
            let session = open(&connstr).await;
            assert_eq!(scalar(&session, "select current_database()::text").await, name);
            assert_eq!(scalar(&session, "show application_name").await, "job:db");
            session.close().await;
        }
        let connstr = format!("{} options='-c work_mem=77MB'", database.connstr());
        assert_eq!(scalar(&open(&connstr).await, "show work_mem").await, "77MB");
    });
}

#[test]
fn passwords() {
    let database = database("conn");
    database.sql(&format!(
        "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object then null; end $$;
         drop role if exists conn_user;
         create role conn_user login password 'se cret' in role {PASSWORD_ROLE}"
    ));
    let connstr = |password: &str| {
        let port = database.address().port;
        let name = database.name();
        format!("host=127.0.0.1 port={port} dbname={name} user=conn_user {password}")
    };
    run(async {
        open(&connstr("password='se cret'")).await;

        let error = refusal(&connstr("password=wrong")).await;
        let port = database.address().port;
        assert_eq!(
            error.to_string(),
            format!(
                "connection to server at \"127.0.0.1\", port {port} failed: \
                 FATAL:  password authentication failed for user \"conn_user\""
            )
        );
        assert!(error.is_connect());
        assert_eq!(error.sqlstate().unwrap().code(), "28P01");

        let missing = private_file("none", "");
        let error = refusal(&connstr(&format!("passfile={}", missing.1))).await;
        assert!(
            error.to_string().ends_with("failed: fe_sendauth: no password supplied"),
            "{error}"
        );

        let (_kept, file) = private_file("pgpass", &format!("*:{port}:*:conn_user:se cret\n"));
        open(&connstr(&format!("passfile={file}"))).await;
        let (_kept, file) = private_file("pgpass", "*:*:*:*:wrong\n");
        let error = refusal(&connstr(&format!("passfile={file}"))).await;
        assert!(
            error.to_string().ends_with(&format!("password retrieved from file \"{file}\"")),
            "{error}"
        );
    });
    database.sql("drop owned by conn_user; drop role conn_user");
}

#[test]
fn failures_in_libpq_words() {
    let database = database("conn");
    let port = database.address().port;
    // Bound and not listening: nobody else can take the port while the test runs.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let free = bound.local_addr().unwrap().port();
    run(async {
        for (connstr, message) in [
            (
                format!("host=127.0.0.1 port={free} user=x"),
                format!(
                    "connection to server at \"127.0.0.1\", port {free} failed: Connection refused\n\
                     \tIs the server running on that host and accepting TCP/IP connections?"
                ),
            ),
            (
                format!("host=/nowhere port={port} user=x"),
                format!(
                    "connection to server on socket \"/nowhere/.s.PGSQL.{port}\" failed: \
                     No such file or directory\n\
                     \tIs the server running locally and accepting connections on that socket?"
                ),
            ),
            (
                format!("host=127.0.0.1 port={port} user=postgres dbname=missing"),
                format!(
                    "connection to server at \"127.0.0.1\", port {port} failed: \
                     FATAL:  database \"missing\" does not exist"
                ),
            ),
            (
                format!("{} sslmode=require", database.connstr()),
                format!(
                    "connection to server at \"127.0.0.1\", port {port} failed: \
                     server does not support SSL, but SSL was required"
                ),
            ),
            (
                format!("{} target_session_attrs=standby", database.connstr()),
                format!(
                    "connection to server at \"127.0.0.1\", port {port} failed: \
                     server is not in hot standby mode"
                ),
            ),
        ] {
            assert_eq!(refusal(&connstr).await.to_string(), message, "{connstr}");
        }
    });
}

#[test]
fn names_that_are_looked_up() {
    // Bound and not listening: refused on whatever address the name has.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = bound.local_addr().unwrap().port();
    run(async {
        let error = refusal(&format!("host=localhost port={port} user=x")).await.to_string();
        let place =
            format!("connection to server at \"localhost\" (127.0.0.1), port {port} failed:");
        assert!(error.contains(&place), "{error}");
        let error = refusal("host=there.is.no.such.host.invalid user=x connect_timeout=10")
            .await
            .to_string();
        let place = "could not translate host name \"there.is.no.such.host.invalid\" to address: ";
        assert!(error.starts_with(place) && !error.contains("os error"), "{error}");
    });
}

#[test]
fn a_value_that_does_not_fit_is_no_broken_connection() {
    let database = database("conn");
    run(async {
        let session = open(&database.connstr()).await;
        let row = session.query_one("select 1", &[]).await.unwrap();
        let error = Error::from(row.try_get::<_, String>(0).unwrap_err());
        assert!(!error.is_closed() && !error.is_transient(), "{error}");
        let error = Error::from(session.query_one("select 1 where false", &[]).await.unwrap_err());
        assert!(!error.is_closed(), "{error}");
    });
}

#[test]
fn silence_ends_at_the_timeout() {
    // It takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    run(async {
        let error = refusal(&format!("host=127.0.0.1 port={port} user=x connect_timeout=1")).await;
        assert_eq!(
            error.to_string(),
            format!("connection to server at \"127.0.0.1\", port {port} failed: timeout expired")
        );
    });
}

#[test]
fn notifications_and_notices() {
    let database = database("conn");
    run(async {
        let mut listener = open(&database.connstr()).await;
        listener.batch_execute("listen tick").await.unwrap();
        let other = open(&database.connstr()).await;
        other.batch_execute("notify tick, 'a'; notify tick, 'b'").await.unwrap();
        other.batch_execute("notify tick, 'a'").await.unwrap();
        for expected in ["a", "b"] {
            match listener.notice().await {
                Notice::Notification { channel, payload } => {
                    assert_eq!((channel.as_str(), payload.as_str()), ("tick", expected));
                }
                other => panic!("{other:?}"),
            }
        }
        listener.batch_execute("do $$ begin raise warning 'careful'; end $$").await.unwrap();
        let warning = loop {
            // The second 'a' is there too when it arrived after the first was read.
            match listener.notice().await {
                Notice::Message { severity, message } => break (severity, message),
                Notice::Notification { .. } => {}
            }
        };
        assert_eq!(warning, ("WARNING".to_owned(), "careful".to_owned()));
    });
}

#[test]
fn cancelling() {
    let database = database("conn");
    run(async {
        let session = open(&database.connstr()).await;
        let sleeping = session.batch_execute("select pg_sleep(1000)");
        let cancelling = async {
            let watcher = open(&database.connstr()).await;
            let sleeping = "select (count(*) > 0)::text from pg_stat_activity \
                            where wait_event = 'PgSleep' and datname = current_database()";
            until(&watcher, sleeping).await;
            session.cancel().await.unwrap();
        };
        let (slept, ()) = tokio::join!(sleeping, cancelling);
        assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
        assert!(!session.is_closed());
    });
}

#[test]
fn a_connection_that_is_ended_says_so() {
    let database = database("conn");
    run(async {
        let mut session = open(&database.connstr()).await;
        let pid = session.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
        let other = open(&database.connstr()).await;
        other.execute("select pg_terminate_backend($1)", &[&pid]).await.unwrap();
        session.closed().await;
        assert!(session.is_closed());
        assert!(
            matches!(session.try_notice(), Some(Notice::Message { severity, .. }) if severity == "FATAL")
        );
        let error = Error::from(session.batch_execute("select 1").await.unwrap_err());
        assert!(error.is_closed() && error.is_transient());

        let pid = other.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
        other.close().await;
        let watcher = open(&database.connstr()).await;
        let gone = "select (count(*) = 0)::text from pg_stat_activity where pid = ";
        until(&watcher, &format!("{gone}{pid}")).await;
    });
}

#[test]
fn environment_service_and_password_file() {
    let database = database("conn");
    database.sql(&format!(
        "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object then null; end $$;
         drop role if exists file_user;
         create role file_user login superuser password 'from file' in role {PASSWORD_ROLE}"
    ));
    let port = database.address().port.to_string();
    let name = database.name();
    let (_kept, service) = private_file(
        "service.conf",
        &format!("[here]\nhost=127.0.0.1\nport={port}\ndbname={name}\nuser=file_user\n"),
    );
    let line = format!("127.0.0.1:{port}:{name}:file_user:from file\n");
    let (_kept, passwords) = private_file("passwords", &line);
    let by_service = [("PGSERVICEFILE", service.as_str()), ("PGPASSFILE", &passwords)];
    let by_variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", "file_user"),
        ("PGDATABASE", name),
        ("PGPASSWORD", "from file"),
        ("PGTZ", "Asia/Kathmandu"),
        ("PGAPPNAME", "from the environment"),
    ];
    for (variables, connstr) in [
        (&by_service[..], "service=here"),
        (&by_variables[..], ""),
        (&by_variables[..], "postgresql://"),
    ] {
        let said = example("producer", variables, &[connstr, "q", "kind", "data"]);
        assert_eq!(said, "1 events written\n");
    }
    database.sql("drop owned by file_user cascade; drop role file_user");
}

#[test]
fn hosts_by_chance_or_in_order() {
    let (one, two) = (Cluster::shared(), Cluster::start_new());
    let (first, second) = (one.address().port, two.address().port);
    let connstr = |more: &str| {
        format!(
            "host=127.0.0.1,127.0.0.1 port={first},{second} user=postgres dbname=postgres {more}"
        )
    };
    let port = async |more: &str| {
        let session = open(&connstr(more)).await;
        scalar(&session, "show port").await
    };
    run(async {
        for more in ["", "load_balance_hosts=disable"] {
            for _ in 0..8 {
                assert_eq!(port(more).await, first.to_string(), "{more}");
            }
        }
        // That it is the same one a hundred times does not happen.
        let mut seen = Vec::new();
        for _ in 0..100 {
            let port = port("load_balance_hosts=random").await;
            if !seen.contains(&port) {
                seen.push(port);
            }
            if seen.len() == 2 {
                break;
            }
        }
        seen.sort();
        let mut both = [first.to_string(), second.to_string()];
        both.sort();
        assert_eq!(seen, both);
        // One that does not answer is passed over, wherever it stands.
        two.stop();
        for _ in 0..8 {
            assert_eq!(port("load_balance_hosts=random").await, first.to_string());
        }
        let error = refusal(&connstr("load_balance_hosts=yes")).await.to_string();
        assert_eq!(error, "invalid load_balance_hosts value: \"yes\"");
    });
}
