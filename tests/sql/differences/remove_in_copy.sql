-- Removing a table in the middle of its copy empties the table it is copied to; the reference empties the one that
-- happens to have the set's name.
select pgq_node.register_location('L', n, 'dbname=' || n, false) from unnest(array['top', 'here']) n;
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
create table logical (id int primary key);
create table phys (id int primary key);
insert into logical values (1);
select * from londiste.global_add_table('L', 'logical');
select * from londiste.local_add_table('L', 'logical', null, null, 'phys');
begin;
set local session_replication_role = replica;
insert into phys values (2);
commit;
select * from londiste.local_set_table_state('L', 'logical', null, 'in-copy');
select * from londiste.local_set_table_struct('L', 'public.logical', 'create index phys_idx on phys (id)');
select * from londiste.local_remove_table('L', 'logical');
select (select count(*) from logical) as logical, (select count(*) from phys) as phys;
