//! The same connection string, variables and files lead psql (that is, libpq) and us to the same session, or both of us
//! nowhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use system_tests::cluster::PASSWORD_ROLE;
use system_tests::{Cluster, Database, server};

use crate::support::{database, example_command, only, output_of};

/// What of a session depends on the string; the example `session` asks the same.
const QUESTION: &str = "\
select format(E'user=%s\\ndatabase=%s\\naddress=%s\\nport=%s\\napplication=%s\\nwork_mem=%s\\ngeqo=%s\\ndatestyle=%s\\n\
timezone=%s\\nencoding=%s\\nssl=%s', session_user, current_database(), coalesce(host(inet_server_addr()), 'socket'), \
inet_server_port(), current_setting('application_name'), current_setting('work_mem'), current_setting('geqo'), \
current_setting('datestyle'), current_setting('timezone'), current_setting('client_encoding'), \
(select ssl from pg_stat_ssl where pid = pg_backend_pid()))";

/// The session that a program found: its facts, or nothing.
type Found = Option<BTreeMap<String, String>>;

fn found(command: &mut Command) -> (Found, String) {
    let output = output_of(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let facts = output.status.success().then(|| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    });
    (facts, said)
}

/// A place where strings, variables and files can point to.
struct World {
    database: Database,
    role: &'static str,
    home: tempfile::TempDir,
    /// Where we do not agree.
    quarrels: RefCell<Vec<String>>,
}

impl World {
    /// With a role of this name, which has a password.
    fn new(role: &'static str) -> World {
        let database = database("same");
        database.sql(&format!(
            "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object then null; end $$;
             drop role if exists {role};
             create role {role} login password 'it''s s\\e:cret' in role {PASSWORD_ROLE};
             alter role {role} set geqo = off"
        ));
        World { database, role, home: tempfile::tempdir().unwrap(), quarrels: RefCell::default() }
    }

    /// `{port}`, `{role}`, `{db}`, `{socket}` and `{home}` filled in.
    fn fill(&self, text: &str) -> String {
        let address = self.database.address();
        text.replace("{port}", &address.port.to_string())
            .replace("{role}", self.role)
            .replace("{db}", self.database.name())
            .replace("{socket}", &address.socket_folder.display().to_string())
            .replace("{socket%}", &address.socket_folder.display().to_string().replace('/', "%2F"))
            .replace("{home}", &self.home.path().display().to_string())
    }

    fn end(self) {
        let quarrels = self.quarrels.into_inner();
        assert!(quarrels.is_empty(), "{}", quarrels.join("\n"));
        self.database.sql(&format!("drop role {}", self.role));
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.home.path().join(name);
        std::fs::write(&path, self.fill(text)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Both of us with these variables and this string; returns what was found.
    fn agree(&self, variables: &[(&str, &str)], connstr: &str) -> Found {
        let connstr = self.fill(connstr);
        let home = self.home.path().display().to_string();
        let filled: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (*name, self.fill(value))).collect();
        let mut variables: Vec<(&str, &str)> =
            filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("HOME", &home));
        variables.push(("PGCONNECT_TIMEOUT", "20"));

        let mut psql = Command::new(server::client_program("psql"));
        only(&mut psql, &variables);
        psql.args(["-X", "-w", "-A", "-t", "-c", QUESTION, "-d", &connstr]);
        let (mut theirs, their_words) = found(&mut psql);
        let (mut ours, our_words) = found(example_command("session", &variables).arg(&connstr));
        // Each has a name of its own for sessions that nobody named.
        for (facts, fallback) in [(&mut theirs, "psql"), (&mut ours, "example session")] {
            if let Some(name) = facts.as_mut().and_then(|facts| facts.get_mut("application"))
                && name == fallback
            {
                "(fallback)".clone_into(name);
            }
        }
        if ours != theirs {
            self.quarrels.borrow_mut().push(format!(
                "{variables:?} {connstr}
ours: {ours:?}
{our_words}
psql: {theirs:?}
{their_words}"
            ));
        }
        ours
    }
}

/// Role and variables that make the rest of a table short.
const AS_POSTGRES: &[(&str, &str)] =
    &[("PGUSER", "postgres"), ("PGDATABASE", "{db}"), ("PGPORT", "{port}")];

#[test]
fn strings() {
    let world = World::new("same_strings");
    let mut reached = 0;
    for connstr in [
        "host=127.0.0.1 port={port} user=postgres dbname={db}",
        "host=127.0.0.1",
        "hostaddr=127.0.0.1",
        "host=nowhere.invalid hostaddr=127.0.0.1",
        "host=localhost",
        "host={socket}",
        "host = '{socket}' port = '{port}'",
        "host=",
        "dbname=postgres host=127.0.0.1",
        "dbname= host=127.0.0.1",
        "user= host=127.0.0.1",
        "port= host=127.0.0.1",
        "host=127.0.0.1 dbname=a dbname=postgres",
        "host=127.0.0.1 application_name='a b'",
        "host=127.0.0.1 application_name=",
        "host=127.0.0.1 application_name=x fallback_application_name=c",
        "host=127.0.0.1 options='-c work_mem=77MB -c geqo=off'",
        r"host=127.0.0.1 options='-c datestyle=ISO,\\ DMY'",
        "host=127.0.0.1 options='-c nonsense=1'",
        "host=127.0.0.1 options=-cgeqo=off",
        "host=127.0.0.1 sslmode=disable",
        "host=127.0.0.1 sslmode=allow",
        "host=127.0.0.1 sslmode=prefer",
        "host=127.0.0.1 sslmode=require",
        "host=127.0.0.1 sslmode=verify-full",
        "host={socket} sslmode=require",
        "host={socket} sslmode=verify-full sslrootcert=/nowhere",
        "host=/nowhere,127.0.0.1",
        "host=/nowhere,{socket}",
        "host=127.0.0.1,127.0.0.1 port=1,{port}",
        "host=127.0.0.1,127.0.0.1 port={port}",
        "host=127.0.0.1,127.0.0.1 port=1,{port},7",
        "hostaddr=127.0.0.1,127.0.0.1 port=1,{port}",
        "host=127.0.0.1,{socket} port=1,{port} target_session_attrs=read-write",
        "host=127.0.0.1 target_session_attrs=any",
        "host=127.0.0.1 target_session_attrs=primary",
        "host=127.0.0.1 target_session_attrs=read-only",
        "host=127.0.0.1 target_session_attrs=standby",
        "host=127.0.0.1 target_session_attrs=prefer-standby",
        "host=127.0.0.1,{socket} target_session_attrs=read-only options='-c default_transaction_read_only=on'",
        "host=127.0.0.1 options='-c default_transaction_read_only=on' target_session_attrs=read-write",
        "host=127.0.0.1 connect_timeout=5",
        "host=127.0.0.1 connect_timeout=soon",
        "host=127.0.0.1 keepalives=1 keepalives_idle=10 keepalives_interval=5 keepalives_count=3",
        "host=127.0.0.1 keepalives=0",
        "host=127.0.0.1 client_encoding=UTF8",
        "host=127.0.0.1 user=nobody_has_this_name",
        "host=127.0.0.1 dbname=no_such_database",
        "host=127.0.0.1 port=1",
        "host=127.0.0.1 user={role} password='it\\'s s\\\\e:cret'",
        "host=127.0.0.1 user={role} password=wrong",
        "host=127.0.0.1 user={role}",
        "host=127.0.0.1 user={role} password='it\\'s s\\\\e:cret' channel_binding=require",
        "host=127.0.0.1 user={role} password='it\\'s s\\\\e:cret' channel_binding=disable",
        "postgresql://127.0.0.1",
        "postgresql://postgres@127.0.0.1:{port}/{db}",
        "postgres://postgres@127.0.0.1:{port}/postgres",
        "postgresql://127.0.0.1/%70ostgres?application_name=a%20b",
        "postgresql://{socket%}/{db}?user=postgres",
        "postgresql://{socket%}:{port}",
        "postgresql:///{db}?host=127.0.0.1&port={port}",
        "postgresql:///{db}?host={socket}",
        "postgresql://{role}:it's%20s%5Ce%3Acret@127.0.0.1/{db}",
        "postgresql://{role}:wrong@127.0.0.1/{db}",
        "postgresql://127.0.0.1:1,127.0.0.1:{port}/{db}",
        "postgresql://127.0.0.1/{db}?sslmode=require",
        "postgresql://127.0.0.1/{db}?options=-c%20work_mem%3D78MB",
        "postgresql://127.0.0.1/{db}?target_session_attrs=standby",
        "postgresql://[::1]:1,127.0.0.1:{port}/{db}",
        "postgresql://127.0.0.1/{db}?user={role}&password=x",
    ] {
        reached += usize::from(world.agree(AS_POSTGRES, connstr).is_some());
    }
    assert!(reached > 30, "only {reached} led anywhere");
    world.end();
}

#[test]
fn variables_and_files() {
    let world = World::new("same_files");
    let facts = |variables: &[(&str, &str)], connstr: &str| {
        let all: Vec<(&str, &str)> = AS_POSTGRES
            .iter()
            .chain([&("PGHOST", "127.0.0.1")])
            .chain(variables)
            .copied()
            .collect();
        // The last one of a name counts.
        world.agree(&all, connstr)
    };
    for variables in [
        &[][..],
        &[("PGHOST", "{socket}")],
        &[("PGHOST", "nowhere.invalid"), ("PGHOSTADDR", "127.0.0.1")],
        &[("PGAPPNAME", "from outside")],
        &[("PGOPTIONS", "-c work_mem=79MB")],
        &[("PGTZ", "Asia/Kathmandu"), ("PGDATESTYLE", "SQL, DMY"), ("PGGEQO", "off")],
        &[("PGTZ", "Asia/Kathmandu"), ("PGOPTIONS", "-c timezone=UTC")],
        &[("PGSSLMODE", "require")],
        &[("PGREQUIRESSL", "1")],
        &[("PGTARGETSESSIONATTRS", "standby")],
        &[("PGUSER", "{role}"), ("PGPASSWORD", "it's s\\e:cret")],
        &[("PGUSER", "{role}"), ("PGPASSWORD", "wrong")],
        &[("PGSERVICE", "no_such_service")],
    ] {
        for connstr in
            ["", "application_name=x", "postgresql://", "user=postgres options='-c geqo=off'"]
        {
            facts(variables, connstr);
        }
    }

    world.file("service.conf", "[here]\nhost=127.0.0.1\nport={port}\ndbname={db}\napplication_name=by service\n[odd]\nhost\n", 0o600);
    world.file(
        "pgpass",
        "# comment\n127.0.0.1:*:other:*:wrong\n127.0.0.1:{port}:{db}:{role}:it's s\\\\e\\:cret\n",
        0o600,
    );
    let files: &[(&str, &str)] =
        &[("PGSERVICEFILE", "{home}/service.conf"), ("PGPASSFILE", "{home}/pgpass")];
    let by_service = facts(files, "service=here user={role}").expect("the files say how");
    assert_eq!(
        (by_service["user"].as_str(), by_service["application"].as_str()),
        ("same_files", "by service")
    );
    for connstr in [
        "service=here",
        "service=here application_name=mine",
        "service=here dbname=postgres",
        "service=odd",
        "service=missing",
        "postgresql://?service=here",
        "postgresql://{role}@?service=here",
        "user={role}",
        "user={role} dbname=postgres",
        "user={role} host=localhost",
        "user={role} host={socket}",
        "user={role} passfile=/nowhere",
        "user={role} passfile={home}/pgpass",
        "user={role} password=",
    ] {
        facts(files, connstr);
    }
    // Others may read it, so it is not used.
    world.file("pgpass", "*:*:*:*:it's s\\\\e\\:cret\n", 0o644);
    assert_eq!(facts(files, "user={role}"), None);
    world.file("pgpass", "*:*:*:*:it's s\\\\e\\:cret\n", 0o600);
    assert!(facts(files, "user={role}").is_some());

    // Before PostgreSQL 15 libpq asked the password database for the home folder, whatever HOME says.
    if world.database.int("show server_version_num") >= 150_000 {
        world.file(".pgpass", "*:*:*:{role}:it's s\\\\e\\:cret\n", 0o600);
        world.file(".pg_service.conf", "[at_home]\ndbname={db}\nuser={role}\n", 0o600);
        assert!(facts(&[], "service=at_home").is_some());
        world.file(".pgpass", "*:*:*:{role}:it's s\\\\e\\:cret\n", 0o640);
        assert_eq!(facts(&[], "service=at_home"), None);
    }
    world.end();
}

/// A primary and its hot standby, in either order.
#[test]
fn several_hosts_of_different_kinds() {
    let world = World::new("same_hosts");
    let standby = Cluster::start_configured("default_transaction_read_only = on");
    let (here, there) = (world.database.address().port, standby.address().port);
    let mut ports = Vec::new();
    for (order, kind) in [
        ((here, there), "any"),
        ((there, here), "any"),
        ((here, there), "read-write"),
        ((there, here), "read-write"),
        ((here, there), "read-only"),
        ((there, here), "read-only"),
        ((there, here), "primary"),
        ((there, here), "prefer-standby"),
        ((there, here), "standby"),
    ] {
        let (first, second) = order;
        let connstr = format!(
            "host=127.0.0.1,127.0.0.1 port={first},{second} user=postgres dbname=postgres target_session_attrs={kind}"
        );
        ports.push(world.agree(&[], &connstr).map(|facts| facts["port"].clone()));
    }
    let (here, there) = (Some(here.to_string()), Some(there.to_string()));
    assert_eq!(
        ports[..6],
        [here.clone(), there.clone(), here.clone(), here, there.clone(), there].map(|p| p)[..]
    );
    assert_eq!(ports[8], None);
    world.end();
}
