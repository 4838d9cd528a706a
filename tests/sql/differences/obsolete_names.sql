-- The parent's name is a name, no pattern: nothing else is listed, or dropped. Only the first dot separates.
create schema "a.b";
create table "a.b_2010" ();
create table "x+y_2010" ();
create table xxy_2010 ();
create table "n.m" ();
create table "n.m_2010" ();
select * from londiste.list_obsolete_partitions('x+y', '1 year', 'year');
select * from londiste.list_obsolete_partitions('x?.', '1 year', 'year');
select * from londiste.list_obsolete_partitions('xx?y', '1 year', 'year');
select * from londiste.list_obsolete_partitions('public.n.m', '1 year', 'year');
select * from londiste.list_obsolete_partitions(null, '1 year', 'year');
