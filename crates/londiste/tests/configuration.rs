//! Keys of the ini file and what they do to a run, without a database: the log, the sample file, unknown keys.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// A folder with an ini file, in which the program is run.
struct Place(tempfile::TempDir);

impl Place {
    /// The file has these keys beside the necessary ones.
    fn new(keys: &str) -> Place {
        let place = Place(tempfile::tempdir().expect("a temporary folder"));
        place.write(
            "x.ini",
            &format!("[londiste]\nqueue_name = q\ndb = host=/nonexistent\n{keys}\n"),
        );
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("own folder");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_default()
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_londiste"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("TZ", "UTC")
            .output()
            .expect("the program was built for this test")
    }

    /// What a run with `x.ini` wrote to stderr.
    fn says(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.run(&[&["x.ini"], args].concat()).stderr).into_owned()
    }
}

/// What every command says here, as nobody listens.
const NOBODY: &str = "connection to server on socket \"/nonexistent/.s.PGSQL.5432\" failed: No such file or directory\n\
                      \tIs the server running locally and accepting connections on that socket?\n";

#[test]
fn the_log_has_the_format_that_was_asked_for() {
    let place = Place::new(
        "logfile = x.log\nlogfmt_console = %%(levelname).4s %%(job_name)s %%(service_name)s %%(name)s: %%(message)s\n\
         logfmt_file = %%(asctime)s|%%(levelname)-8s|%%(message)s\nlogdatefmt_file = %%Y\n\
         logfmt_file_verbose = V %%(message)s",
    );
    let said = place.says(&["tables"]);
    assert_eq!(said, format!("ERRO x londiste londiste.cli.exit: Job x crashed: {NOBODY}"));
    let log = place.read("x.log");
    let (year, rest) = log.split_once('|').expect("the format has it");
    assert!(year.len() == 4 && year.starts_with("20"), "{log}");
    assert_eq!(rest, format!("ERROR   |Job x crashed: {NOBODY}"));
    place.says(&["tables", "-v"]);
    assert!(place.read("x.log").contains("\nV Connect 'db' to 'host=/nonexistent'\n"));
}

#[test]
fn a_format_that_cannot_be_used_is_refused_before_anything_else() {
    for (key, said) in [
        (
            "logfmt_file = %%(foo)s",
            "Bad value for logfmt_file: unknown field 'foo'; there are asctime, ",
        ),
        (
            "logfmt_console = x",
            "Bad value for logfmt_console: it has no field like '%(message)s'\n",
        ),
        ("logdatefmt_file = %%J", "Bad value for logdatefmt_file: '%J': "),
        ("logfmt_console = %(message)s", "Bad value substitution: option 'logfmt_console' "),
    ] {
        let place = Place::new(key);
        let output = place.run(&["x.ini", "show-handlers"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(said), "{stderr}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    }
}

#[test]
fn a_logging_configuration_replaces_stderr() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    server.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let port = server.local_addr().expect("bound").port();
    let place = Place::new("use_skylog = 1\nlogfile = x.log");
    place.write(
        ".skylog.ini",
        &format!(
            "[loggers]\nkeys=root\n[handlers]\nkeys=file,udp,db\n[formatters]\nkeys=short\n\
             [logger_root]\nlevel=CRITICAL\nhandlers=file,udp,db\n\
             [handler_file]\nclass=skylog.EasyRotatingFileHandler\nargs=('~/sky-%(job_name)s.log',)\nformatter=short\n\
             [handler_udp]\nclass=skylog.UdpLogServerHandler\nargs=('127.0.0.1', {port})\nlevel=ERROR\n\
             [handler_db]\nclass=skylog.LogDBHandler\nargs=('host=127.0.0.1 dbname=logdb',)\n\
             [formatter_short]\nformat=%(service_name)s %(levelname)s %(message)s\n"
        ),
    );
    let left_out =
        "~/.skylog.ini: handler 'db' is left out, its class skylog.LogDBHandler is not supported";
    let left_out = left_out.replace('~', &place.0.path().display().to_string());
    // Output is no terminal here, so 1 is enough.
    assert_eq!(place.says(&["tables"]), "");
    let file = place.read("sky-x.log");
    assert_eq!(
        file,
        format!("londiste WARNING {left_out}\nlondiste ERROR Job x crashed: {NOBODY}")
    );
    assert!(place.read("x.log").contains(&format!(" ERROR Job x crashed: {NOBODY}")));
    let mut buffer = [0; 4000];
    let length = server.recv(&mut buffer).expect("a packet");
    let packet = String::from_utf8_lossy(&buffer[..length]);
    assert!(
        packet.contains("\"level\": \"ERROR\",\n") && packet.contains("Job x crashed"),
        "{packet}"
    );

    let place = Place::new("use_skylog = 1");
    assert_eq!(place.says(&["show-handlers"]), "skylog.ini not found!\n");
    place.write("skylog.ini", "[loggers]\nkeys=root\n[logger_root]\nhandlers=a\n");
    assert_eq!(
        place.says(&["show-handlers"]),
        "skylog.ini: No section: 'handler_a'\n\
         HINT:  skylog.ini has only [loggers] [logger_root]: the keys stand below a line [handler_a].\n"
    );
    assert_eq!(
        Place::new("use_skylog = 0").run(&["x.ini", "show-handlers"]).status.code(),
        Some(0)
    );
}

#[test]
fn expected_failures_are_warnings() {
    let level = |keys: &str| {
        let place = Place::new(keys);
        let output = place.run(&["x.ini", "tables"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().find(|line| line.contains("Job x crashed: ")).expect("a record");
        last.split(' ').nth(3).expect("a level").to_owned()
    };
    assert_eq!(level(""), "ERROR");
    assert_eq!(level("exception_quiet = ALL"), "WARNING");
    assert_eq!(level("exception_quiet = UniqueViolation, OperationalError"), "WARNING");
    assert_eq!(level("exception_quiet = UniqueViolation"), "ERROR");
    assert_eq!(level("exception_quiet = ALL\nexception_grace = 0"), "ERROR");
    // A mistake is none of these.
    let place = Place::new("exception_quiet = ALL");
    assert!(place.says(&["takeover"]).contains(" ERROR command 'takeover' got 0 args"));
    let place = Place::new("exception_quiet = OperationalEror");
    let said = place.says(&["show-handlers"]);
    assert!(
        said.contains(" WARNING exception_quiet: no error is called 'OperationalEror'\n"),
        "{said}"
    );
}

#[test]
fn keys_nobody_knows_are_named() {
    let place = Place::new("home = /x\nlogfile = x%(suffix)s\nsuffix = .log\nparalel_copies = 2");
    let said = place.says(&["show-handlers"]);
    assert!(said.contains(" WARNING Unknown key 'home' in the ini file\n"), "{said}");
    assert!(said.contains(
        " WARNING Unknown key 'paralel_copies' in the ini file, did you mean 'parallel_copies'?\n"
    ));
    assert!(!said.contains("suffix"), "{said}");
    // A module with handlers cannot be loaded here; its handlers are built in or missing.
    let place = Place::new("handler_modules = londiste.handlers.nosuch");
    let output = place.run(&["x.ini", "show-handlers"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.starts_with("Failed to load handler module: londiste.handlers.nosuch\n"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_password_file_that_others_can_read_is_told_of() {
    let place = Place::new("");
    let file = place.0.path().join(".pgpass");
    let permit = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("own file");
    };
    fs::write(&file, "*:*:*:*:secret\n").expect("own folder");
    let shown = file.display();
    for (mode, told) in
        [(0o644, true), (0o640, true), (0o606, true), (0o600, false), (0o400, false)]
    {
        permit(mode);
        let said = place.says(&["tables"]);
        let warning = format!(
            " WARNING password file \"{shown}\" has group or world access; permissions should be u=rw (0600) or less\n"
        );
        assert_eq!(said.contains(&warning), told, "{mode:o}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
    fs::remove_file(&file).expect("own folder");
    assert!(!place.says(&["tables"]).contains("password file"), "none is no mistake");
    fs::create_dir(&file).expect("own folder");
    let said = place.says(&["tables"]);
    let warning = format!(" WARNING password file \"{shown}\" is not a plain file\n");
    assert!(said.contains(&warning), "{said}");
}

/// Loads a file that the program printed.
fn load(
    folder: &Path,
    text: &[u8],
) -> (londiste::config::Settings, Vec<londiste::config::UnknownKey>) {
    let file = folder.join("sample.ini");
    fs::write(&file, text).expect("own folder");
    let config = londiste::config::load(&file, &[]).expect("the sample is a valid file");
    let unknown = londiste::config::unknown_keys(&config);
    (
        londiste::config::Settings::from_config(&config, file, vec![]).expect("valid settings"),
        unknown,
    )
}

#[test]
fn the_sample_is_a_file_that_works() {
    let place = Place::new("");
    let output = place.run(&["--ini"]);
    let (settings, unknown) = load(place.0.path(), &output.stdout);
    assert_eq!(unknown, []);
    assert_eq!(settings.queue.as_str(), "");
    let said =
        String::from_utf8_lossy(&place.run(&["sample.ini", "-q", "tables"]).stderr).into_owned();
    assert!(
        said.contains("log/sample.log: No such file or directory\nHINT:  Create the folder "),
        "{said}"
    );
    for (command, said) in [
        ("tables", "\"queue_name\" not specified in config\nHINT:  "),
        ("worker", "No option 'queue_name' in section: 'londiste'\nHINT:  "),
    ] {
        let output = place.run(&["--set", "logfile=x.log", "sample.ini", command]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(said), "{stderr}");
    }
    assert_eq!(settings.db.as_deref(), Some("dbname=somedb host=127.0.0.1"));

    let set = [
        "queue_name=replika",
        "job_name = j1",
        "db=dbname=x host=y",
        "parallel_copies=7",
        "logfile=~/%(job_name)s.log",
        "compare_sql=select 1 as cnt",
        "register_skip_tables=a.b",
    ];
    let args: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).chain(["--ini"]).collect();
    let output = place.run(&args);
    let (settings, unknown) = load(place.0.path(), &output.stdout);
    assert_eq!(unknown, []);
    assert_eq!(settings.queue.as_str(), "replika");
    assert_eq!((settings.job_name.as_str(), settings.consumer.as_str()), ("j1", "j1"));
    assert_eq!(settings.db.as_deref(), Some("dbname=x host=y"));
    assert_eq!(settings.parallel_copies, 7);
    assert_eq!(settings.compare_sql.as_deref(), Some("select 1 as cnt"));
    assert!(!settings.register_tables.accepts("a.b"));
}
