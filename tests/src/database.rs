//! A database per test, and short ways to ask it things.

use std::process::{Command, Output};

use postgres::{Client, NoTls, SimpleQueryMessage};

use crate::cluster::{Address, SUPERUSER};
use crate::{folder, server};

/// A database of its own for one test; dropped, with whoever is connected, at the end.
///
/// Every call opens a session of its own: nothing lingers that a restarted server would have broken off.
#[derive(Debug)]
pub struct Database {
    name: String,
    address: Address,
}

impl Database {
    /// Creates a database named `label` and a number in the cluster at `address`.
    #[track_caller]
    pub fn create(address: &Address, label: &str) -> Self {
        Self::create_in(address, label, "UTF8")
    }

    /// As [`Database::create`], with another encoding than UTF8.
    #[track_caller]
    pub fn create_in(address: &Address, label: &str, encoding: &str) -> Self {
        Self::from_template(address, label, &format!("template0 encoding '{encoding}'"))
    }

    /// Creates a copy of a database that nobody is connected to, in the same cluster.
    #[track_caller]
    pub fn copy_of(template: &Database, label: &str) -> Self {
        Self::from_template(&template.address, label, &template.name)
    }

    #[track_caller]
    fn from_template(address: &Address, label: &str, template: &str) -> Self {
        let name = folder::unique(label);
        let statement = format!("create database {name} template {template}");
        maintenance(address)
            .and_then(|mut client| client.batch_execute(&statement))
            .unwrap_or_else(|e| panic!("{statement}: {}", full(&e)));
        Self { name, address: address.clone() }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the cluster is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connect string of the superuser in keyword form.
    pub fn connstr(&self) -> String {
        format!("{} dbname={}", self.address.connstr(), self.name)
    }

    /// Connect string of another role, with a password.
    pub fn connstr_as(&self, role: &str, password: &str) -> String {
        let port = self.address.port;
        format!("host=127.0.0.1 port={port} user={role} dbname={} password={password}", self.name)
    }

    /// A new session of the superuser.
    #[track_caller]
    pub fn client(&self) -> Client {
        self.try_client().unwrap_or_else(|e| panic!("cannot connect to {}: {e}", self.name))
    }

    /// A new session of the superuser, or why there is none.
    ///
    /// # Errors
    /// Whatever the server or the network answers.
    pub fn try_client(&self) -> Result<Client, postgres::Error> {
        Client::connect(&self.connstr(), NoTls)
    }

    /// Runs statements.
    #[track_caller]
    pub fn sql(&self, statements: &str) {
        self.client()
            .batch_execute(statements)
            .unwrap_or_else(|e| panic!("{}: {}\n{statements}", self.name, full(&e)));
    }

    /// The rows of a query as `psql -At` prints them: `|` between columns, a line per row, null as nothing.
    #[track_caller]
    pub fn text(&self, query: &str) -> String {
        self.try_text(query).unwrap_or_else(|e| panic!("{}: {}\n{query}", self.name, full(&e)))
    }

    /// Like [`Database::text`], for when the server may be down or the query may fail.
    ///
    /// # Errors
    /// Whatever the server or the network answers.
    pub fn try_text(&self, query: &str) -> Result<String, postgres::Error> {
        let mut lines = Vec::new();
        for message in self.try_client()?.simple_query(query)? {
            if let SimpleQueryMessage::Row(row) = message {
                let columns: Vec<&str> =
                    (0..row.len()).map(|column| row.get(column).unwrap_or_default()).collect();
                lines.push(columns.join("|"));
            }
        }
        Ok(lines.join("\n"))
    }

    /// The one number a query answers.
    #[track_caller]
    pub fn int(&self, query: &str) -> i64 {
        let text = self.text(query);
        text.parse().unwrap_or_else(|_| panic!("not a number: {text:?}\n{query}"))
    }

    /// Rows of a table in key order, every column as text: what both sides of a replication must agree on.
    #[track_caller]
    pub fn rows(&self, table: &str, key: &str) -> String {
        self.text(&format!("select * from {table} order by {key}"))
    }

    /// `psql` on this database with more arguments, stopping at the first error; `~/.psqlrc` is not read.
    #[track_caller]
    pub fn psql(&self, args: &[&str]) -> Output {
        Command::new(server::client_program("psql"))
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", &self.connstr()])
            .args(args)
            .output()
            .unwrap_or_else(|e| panic!("cannot start psql: {e}; run `make setup`"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster may be stopped or gone, and then so is the database.
        if let Ok(mut client) = maintenance(&self.address) {
            let _ = client.batch_execute(&format!("drop database {} with (force)", self.name));
        }
    }
}

fn maintenance(address: &Address) -> Result<Client, postgres::Error> {
    Client::connect(&format!("{} dbname={SUPERUSER}", address.connstr()), NoTls)
}

/// The error with what the server said: `Display` of the client alone is just "db error".
fn full(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{server} (SQLSTATE {})", server.code().code()),
        None => error.to_string(),
    }
}
