select n, p, londiste.is_obsolete_partition(n, '1 month', p)
  from unnest(array['ob_2010', 'ob_2010_01', 'ob_2010_01_02', 'ob_2010_01_02_03', 'ob_2999_01_02', '_2010', 'ob_201', 'ob_20100', 'ob2010', 's.ob_2010_01', '']) n,
       unnest(array['year', 'yearly', 'month', 'monthly', 'day', 'daily', 'hour', 'hourly']) p
 order by 2, 1;
select londiste.is_obsolete_partition('ob_2010', '1 month', 'week');
select londiste.is_obsolete_partition('ob_2010', '1 month', null);
select londiste.is_obsolete_partition('ob_2010', null, 'year');
select londiste.is_obsolete_partition(null, '1 month', 'year');
select londiste.is_obsolete_partition('x_' || to_char(now() - '3 days'::interval, 'YYYY_MM_DD'), '4 days', 'day'),
       londiste.is_obsolete_partition('x_' || to_char(now() - '4 days'::interval, 'YYYY_MM_DD'), '4 days', 'day'),
       londiste.is_obsolete_partition('x_' || to_char(now() - '5 days'::interval, 'YYYY_MM_DD'), '4 days', 'day');

create schema "Odd S";
create table ob ();
create table ob_2010 ();
create table ob_2011 ();
create table ob_2999 ();
create table ob_2010_01 ();
create table ob_2010_02 ();
create table ob_2010_01_02 ();
create table ob_2010_01_02_03 ();
create table obx_2010 ();
create table xob_2010 ();
create table "Odd S"."Ob x_2010" ();
create table "Odd S".ob_2010 ();
create table "Odd S"."plain_2012" ();
create view ob_2012 as select 1;
select p, x from unnest(array['year', 'monthly', 'day', 'hour']) p, londiste.list_obsolete_partitions('ob', '1 year', p) x;
select * from londiste.list_obsolete_partitions('public.ob', '1 year', 'year');
select * from londiste.list_obsolete_partitions('Odd S.Ob x', '1 year', 'year');
select * from londiste.list_obsolete_partitions('Odd S.ob', '1 year', 'year');
select * from londiste.list_obsolete_partitions('unknown', '1 year', 'year');
select * from londiste.list_obsolete_partitions('ob', null, 'year');
select * from londiste.list_obsolete_partitions('ob', '1 year', 'week');
select * from londiste.list_obsolete_partitions('ob', '1 year', null);
select * from londiste.list_obsolete_partitions('ob', '2000 years', 'year');
select * from londiste.list_obsolete_partitions('unknown', '1 year', 'week');
-- a parent's own name may end like a partition's
create table ob_2001_2010 ();
select * from londiste.list_obsolete_partitions('ob', '1 year', 'year');
select * from londiste.list_obsolete_partitions('ob_2001', '1 year', 'year');

create view hanging as select * from ob_2011;
select * from londiste.drop_obsolete_partitions('ob', '1 year', 'year');
drop view hanging;
select * from londiste.drop_obsolete_partitions('ob', '1 year', 'year');
select * from londiste.drop_obsolete_partitions('ob', '1 year', 'year');
select * from londiste.drop_obsolete_partitions('Odd S.Ob x', '1 year', 'yearly');
select schemaname, tablename from pg_tables where tablename ~* 'ob' and schemaname in ('public', 'Odd S') order by 1, 2;
