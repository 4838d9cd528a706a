//! The service file: named sets of connection parameters (`PGSERVICEFILE`, `~/.pg_service.conf`, `pg_service.conf`).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::conninfo::ConnInfo;
use super::defaults::Environment;
use crate::{Error, Result};

/// Where libpq's packagers put the system-wide file, in order, unless `PGSYSCONFDIR` says so.
const SYSTEM_FOLDERS: &[&str] =
    &["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// The parameters of service `name`. `file` is the keyword `servicefile`.
pub(super) fn look_up(
    name: &str,
    file: Option<&str>,
    environment: &Environment,
) -> Result<ConnInfo> {
    let named = file.or_else(|| environment.variable("PGSERVICEFILE")).map(PathBuf::from);
    let personal = match named {
        // A file that somebody named has to be there.
        Some(file) => Some(
            read(&file)?
                .ok_or_else(|| {
                    Error::config(format!("service file \"{}\" not found", file.display()))
                })
                .map(|text| (file, text))?,
        ),
        None => match environment.in_home(".pg_service.conf") {
            Some(file) => read(&file)?.map(|text| (file, text)),
            None => None,
        },
    };
    let system = || -> Result<Option<(PathBuf, String)>> {
        let folders = match environment.variable("PGSYSCONFDIR") {
            Some(folder) => vec![folder],
            None => SYSTEM_FOLDERS.to_vec(),
        };
        for folder in folders {
            let file = Path::new(folder).join("pg_service.conf");
            if let Some(text) = read(&file)? {
                return Ok(Some((file, text)));
            }
        }
        Ok(None)
    };
    if let Some((file, text)) = personal
        && let Some(service) = parse(name, &file, &text)?
    {
        return Ok(service);
    }
    if let Some((file, text)) = system()?
        && let Some(service) = parse(name, &file, &text)?
    {
        return Ok(service);
    }
    Err(Error::config(format!("definition of service \"{name}\" not found")))
}

/// `None` when there is no such file.
fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => {
            Err(Error::config(format!("could not read service file \"{}\": {e}", file.display())))
        }
    }
}

/// The group `[name]` of the file's text.
fn parse(name: &str, file: &Path, text: &str) -> Result<Option<ConnInfo>> {
    let refuse = |what: &str, line: usize| {
        Err(Error::config(format!("{what} in service file \"{}\", line {line}", file.display())))
    };
    let mut found: Option<ConnInfo> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(group) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if group.strip_prefix(name).is_some_and(|rest| rest.starts_with(']')) {
                found = Some(ConnInfo::default());
            }
            continue;
        }
        let Some(service) = &mut found else { continue };
        let Some((keyword, value)) = line.split_once('=') else {
            return refuse("syntax error", number);
        };
        if keyword == "service" || keyword == "servicefile" {
            return refuse("nested service specifications not supported", number);
        }
        let earlier = service.get(keyword).is_some();
        if !earlier {
            service.set(keyword, value);
        }
        if service.get(keyword).is_none() {
            return refuse("syntax error", number);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a comment\n[other]\nhost=no\n\n[main]\nhost=a\n port=7 \nhost=late\npassword=x y=z\n[main]\nuser=u\n";

    fn show(name: &str, text: &str) -> String {
        match parse(name, Path::new("f"), text) {
            Ok(Some(service)) => service.to_libpq(),
            Ok(None) => "none".to_owned(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn groups() {
        assert_eq!(show("main", FILE), "host=a port=7 password='x y=z'");
        assert_eq!(show("missing", FILE), "none");
        assert_eq!(show("mai", FILE), "none");
    }

    #[test]
    fn mistakes_name_file_and_line() {
        assert_eq!(show("a", "[a]\nhost"), "syntax error in service file \"f\", line 2");
        assert_eq!(show("a", "[a]\nhots=x"), "syntax error in service file \"f\", line 2");
        assert_eq!(
            show("a", "[a]\nservice=b"),
            "nested service specifications not supported in service file \"f\", line 2"
        );
    }

    #[test]
    fn files_are_found_in_libpq_order() {
        let folder = tempfile::tempdir().unwrap();
        let personal = folder.path().join("mine.conf");
        fs::write(&personal, "[a]\nhost=personal\n").unwrap();
        fs::write(folder.path().join("pg_service.conf"), "[a]\nhost=system\n[b]\nhost=system\n")
            .unwrap();
        let mut environment = Environment::default();
        let mut set = |name: &str, value: &Path| {
            environment.variables.insert(name.to_owned(), value.display().to_string());
        };
        set("PGSERVICEFILE", &personal);
        set("PGSYSCONFDIR", folder.path());
        let host =
            |name| look_up(name, None, &environment).map(|s| s.get("host").unwrap().to_owned());
        assert_eq!(host("a").unwrap(), "personal");
        assert_eq!(host("b").unwrap(), "system");
        assert_eq!(host("c").unwrap_err().to_string(), "definition of service \"c\" not found");
        let missing = folder.path().join("missing");
        let error = look_up("a", Some(&missing.display().to_string()), &environment).unwrap_err();
        assert_eq!(error.to_string(), format!("service file \"{}\" not found", missing.display()));
    }
}
