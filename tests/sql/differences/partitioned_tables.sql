-- A partitioned table is a table: it can be added, stands for all its partitions, and its events carry its name. The original
-- did not take it, and listed its partitions only.
create table parted (id int primary key, note text) partition by list (id);
create table parted_1 partition of parted for values in (1);
create table parted_2 (note text, id int not null primary key);
alter table parted attach partition parted_2 for values in (2);
create table plain (id int primary key);
select londiste.find_table_oid(n)::regclass, londiste.find_column_types(n)
  from unnest(array['parted', 'parted_1', 'plain']) n;

select * from pgq_node.register_location('R', 'root', 'dbname=root', false);
select * from pgq_node.create_node('R', 'root', 'root', 'root_worker', null, null, null);
select * from londiste.local_show_missing('R');

-- Beside one of its partitions it is refused.
select * from londiste.local_add_table('R', 'parted_1');
select * from londiste.local_show_missing('R');
select * from londiste.local_add_table('R', 'parted');
select * from londiste.local_remove_table('R', 'parted_1');
select * from londiste.local_add_table('R', 'parted', array['backup']);
select * from londiste.local_add_table('R', 'parted_2');
select * from londiste.local_show_missing('R');

insert into parted values (1, 'one'), (2, 'two');
update parted set note = 'b' where id = 2;
-- from one partition to the other
delete from parted where id = 2;
update parted set id = 2 where id = 1;
create table parted_3 partition of parted for values in (3);
insert into parted_3 values (3, 'three');
truncate parted;
select ev_type, ev_data, ev_extra1, ev_extra2 from pgq.event_template where ev_type !~ '[.]' order by ev_id;

select * from londiste.local_remove_table('R', 'parted');
select tgrelid::regclass, tgname from pg_trigger where tgname like '\_londiste%';

-- On a leaf all of it is denied.
select r.* from unnest(array['root', 'leaf']) n, pgq_node.register_location('L', n, 'dbname=' || n, false) r;
select * from pgq_node.create_node('L', 'leaf', 'leaf', 'leaf_worker', 'root', 100, null);
select * from londiste.global_add_table('L', 'parted');
select * from londiste.local_add_table('L', 'parted');
insert into parted_3 values (3, 'three');
truncate parted;
