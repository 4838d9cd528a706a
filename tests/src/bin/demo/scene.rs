//! The stage of the demo: two servers, three databases, the tables and the ini files of the operator's diary.

use system_tests::{Cluster, Database};

use super::shell::Shell;

/// Users in the source.
pub(crate) const USERS: u32 = 200_000;

/// Everything the story plays on. Dropped in this order: databases before servers.
pub(crate) struct Scene {
    pub(crate) shell: Shell,
    pub(crate) src: Database,
    pub(crate) dst1: Database,
    pub(crate) dst2: Database,
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
}

const TABLES: &str = "
create schema digoal_01;
create table digoal_01.user_info (
    userid int, engname text, cnname text, occupation text, birthday date, signname text, email text,
    qq numeric, crt_time timestamp without time zone, mod_time timestamp without time zone);
create table digoal_01.user_session (
    userid int, logintime timestamp(0) without time zone, login_count bigint default 0,
    logouttime timestamp(0) without time zone, online_interval interval default interval '0');
create table digoal_01.user_login_rec (userid int, login_time timestamp without time zone, ip inet);
create table digoal_01.user_logout_rec (userid int, logout_time timestamp without time zone, ip inet);
";

const KEYS: &str = "
alter table digoal_01.user_info add constraint pk_user_info primary key (userid);
alter table digoal_01.user_session add constraint pk_user_session primary key (userid);
";

const OTHER_NAMES: &str = "
create schema digoal_02;
create table digoal_02.user_info1 (
    userid int primary key, engname text, cnname text, occupation text, birthday date, signname text, email text,
    qq numeric, crt_time timestamp without time zone, mod_time timestamp without time zone);
create table digoal_02.user_session1 (
    userid int primary key, logintime timestamp(0) without time zone, login_count bigint default 0,
    logouttime timestamp(0) without time zone, online_interval interval default interval '0');
";

impl Scene {
    /// Starts the servers and fills the source.
    pub(crate) fn set(shell: Shell) -> Scene {
        shell.title("Two PostgreSQL servers start, the source gets 200,000 users");
        let (source, target) = (Cluster::start_new(), Cluster::start_new());
        let src = source.create_database("digoal_01");
        let (dst1, dst2) =
            (target.create_database("digoal_01"), target.create_database("digoal_02"));
        src.sql(TABLES);
        src.sql(&format!(
            "insert into digoal_01.user_info
                 select id, 'digoal.zhou', '德哥', 'DBA', '1970-01-01',
                        E'公益是一辈子的事, I\\'m Digoal.Zhou, Just do it!', 'digoal@126.com', 276732431,
                        clock_timestamp(), null
                 from generate_series(1, {USERS}) id;
             insert into digoal_01.user_session (userid) select generate_series(1, {USERS})"
        ));
        src.sql(KEYS);
        dst1.sql(TABLES);
        dst1.sql(KEYS);
        dst2.sql(OTHER_NAMES);
        Scene { shell, src, dst1, dst2, source, target }
    }

    /// An ini file as the operator writes it.
    pub(crate) fn write_node_ini(&self, job: &str, db: &Database, more: &str) {
        self.shell.write(
            &format!("{job}.ini"),
            &format!(
                "[londiste3]\njob_name = {job}\ndb = {}\nqueue_name = replika\nlogfile = log/{job}.log\n\
                 pidfile = pid/{job}.pid\nexception_sleep = 1\n{more}",
                db.connstr()
            ),
        );
    }

    /// How to reach everything.
    pub(crate) fn addresses(&self) -> String {
        format!(
            "  source:   {}\n  target 1: {}\n  target 2: {}\n  ini files, logs and pidfiles: {}\n\
             Stop the daemons with `londiste -s INI` and `pgqd -s pgqd.ini`, the servers with pg_ctl.",
            self.src.connstr(),
            self.dst1.connstr(),
            self.dst2.connstr(),
            self.shell.folder().display()
        )
    }
}
