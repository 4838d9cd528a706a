//! The users of the seeds: ten columns, text in Latin and Chinese.

/// The table, with a key that replication needs.
pub(crate) const TABLE: &str = "
create schema if not exists app;
create table app.user_info (
    userid int primary key, engname text, cnname text, occupation text, birthday date, signname text, email text,
    qq numeric, crt_time timestamp without time zone, mod_time timestamp without time zone);
";

/// A user, from a table with a column `id`. Times depend on the user only, so that all sides get the same rows.
pub(crate) const USER: &str = "id, 'digoal.zhou', '德哥', 'DBA', date '1970-01-01',
    E'公益是一辈子的事, I\\'m Digoal.Zhou, Just do it!', 'digoal@126.com', 276732431,
    timestamp '2011-11-25' + id * interval '1.000001 s', null";
