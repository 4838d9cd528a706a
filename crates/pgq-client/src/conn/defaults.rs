//! What libpq adds to a connection string: service file, `PG*` variables, user name, database name.
//!
//! Departures: services are not looked up over LDAP, and the system-wide service file is searched where Debian and a plain
//! build of PostgreSQL put it, since that folder is a choice made when libpq is compiled.

use std::collections::HashMap;
use std::path::PathBuf;

use nix::unistd::{User, geteuid};

use super::conninfo::ConnInfo;
use super::service;
use crate::{Error, Result};

/// Environment variables and the keywords they stand for. `PGSERVICE` is not among them: it is read earlier.
const VARIABLES: &[(&str, &str)] = &[
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLCOMPRESSION", "sslcompression"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLSNI", "sslsni"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGKRBSRVNAME", "krbsrvname"),
    ("PGGSSLIB", "gsslib"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGCLIENTENCODING", "client_encoding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// Variables that libpq turns into settings of the session, and the settings.
const SETTINGS: &[(&str, &str)] =
    &[("PGDATESTYLE", "datestyle"), ("PGTZ", "timezone"), ("PGGEQO", "geqo")];

/// What the surroundings of the process say about connections; read once, so that the rest can be tested without them.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    /// `PG*` variables.
    pub(super) variables: HashMap<String, String>,
    /// Where `.pgpass` and the like are.
    pub(super) home: Option<PathBuf>,
    /// Name of the operating system's user.
    pub(super) user: Option<String>,
}

impl Environment {
    /// Of this process.
    pub(super) fn current() -> Environment {
        let account = User::from_uid(geteuid()).ok().flatten();
        Environment {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with("PG"))
                .collect(),
            home: std::env::var_os("HOME")
                .filter(|home| !home.is_empty())
                .map(PathBuf::from)
                .or_else(|| account.as_ref().map(|account| account.dir.clone())),
            user: account.map(|account| account.name),
        }
    }

    /// A variable's value.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A file in the home folder.
    pub(super) fn in_home(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(name))
    }
}

/// Fills in what `info` leaves open: first from its service, then from the environment, then user and database name.
pub(super) fn complete(info: &ConnInfo, environment: &Environment) -> Result<ConnInfo> {
    let mut info = info.clone();
    if let Some(name) = info.get("service").or_else(|| environment.variable("PGSERVICE")) {
        let service = service::look_up(name, info.get("servicefile"), environment)?;
        for (keyword, value) in service.iter() {
            set_default(&mut info, keyword, value);
        }
    }
    for (variable, keyword) in VARIABLES {
        if let Some(value) = environment.variable(variable) {
            set_default(&mut info, keyword, value);
        }
    }
    // Old name for sslmode=require.
    if environment.variable("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
        set_default(&mut info, "sslmode", "require");
    }
    add_settings(&mut info, environment);
    if is_empty(&info, "user") {
        let user = environment.user.as_deref();
        info.set("user", user.ok_or_else(|| Error::config("no user name in the connection string, and the operating system's user has no name"))?);
    }
    if is_empty(&info, "dbname") {
        let user = info.get("user").unwrap_or_default().to_owned();
        info.set("dbname", &user);
    }
    Ok(info)
}

fn set_default(info: &mut ConnInfo, keyword: &str, value: &str) {
    if info.get(keyword).is_none() {
        info.set(keyword, value);
    }
}

fn is_empty(info: &ConnInfo, keyword: &str) -> bool {
    info.get(keyword).unwrap_or_default().is_empty()
}

/// Session settings travel behind `options`, so that they win over what is written there, as with libpq: the server reads
/// `options` before the settings that libpq sends beside them.
fn add_settings(info: &mut ConnInfo, environment: &Environment) {
    let mut options = info.get("options").unwrap_or_default().to_owned();
    for (variable, setting) in SETTINGS {
        if let Some(value) = environment.variable(variable).filter(|value| *value != "default") {
            let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
            options.push_str(&format!(" -c {setting}={value}"));
        }
    }
    if !options.is_empty() {
        info.set("options", options.trim_start());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment {
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            home: None,
            user: Some("me".to_owned()),
        }
    }

    #[track_caller]
    fn check(connstr: &str, variables: &[(&str, &str)], expected: &str) {
        let info = ConnInfo::parse(connstr).unwrap();
        assert_eq!(complete(&info, &environment(variables)).unwrap().to_libpq(), expected);
    }

    #[test]
    fn names_come_from_the_operating_system() {
        check("", &[], "user=me dbname=me");
        check("user=''", &[], "user=me dbname=me");
        check("user=x", &[], "user=x dbname=x");
    }

    #[test]
    fn the_string_wins_over_variables() {
        check(
            "host=a dbname=d",
            &[("PGHOST", "b"), ("PGPORT", "7")],
            "host=a dbname=d port=7 user=me",
        );
        check("dbname=d", &[("PGREQUIRESSL", "1")], "dbname=d sslmode=require user=me");
    }

    #[test]
    fn settings_become_options() {
        check(
            "dbname=d options='-c a=b'",
            &[("PGTZ", "Europe/Berlin"), ("PGDATESTYLE", "iso, mdy"), ("PGGEQO", "default")],
            r"dbname=d options='-c a=b -c datestyle=iso,\\ mdy -c timezone=Europe/Berlin' user=me",
        );
    }
}
