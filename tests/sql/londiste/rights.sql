select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
create table theirs (id serial primary key);

create role londiste_nobody;
set role londiste_nobody;
select londiste.version() is not null, londiste.make_fqname('x'), londiste.find_table_oid('theirs')::regclass, londiste.find_column_types('theirs');
select * from londiste.table_info;
select * from londiste.pending_fkeys;
select * from londiste.get_table_list('R');
select * from londiste.local_change_handler('R', 'x', null, null);
select * from londiste.local_add_table('R', 'theirs');
select londiste.set_session_replication_role('replica', true);
insert into londiste.table_info (queue_name, table_name) values ('R', 'x');
reset role;
drop role londiste_nobody;

set role londiste_reader;
select * from londiste.get_table_list('R');
select * from londiste.get_seq_list('R');
select * from londiste._coordinate_copy('R', 'x');
select * from londiste.local_show_missing('R');
select * from pgq_node.get_worker_state('R');
reset role;

grant create on schema public to londiste_writer;
set role londiste_writer;
create table mine (id serial primary key);
begin;
select * from londiste.local_add_table('R', 'theirs');
rollback;
select * from londiste.local_add_table('R', 'mine');
select * from londiste.local_add_seq('R', 'mine_id_seq');
select * from londiste.local_add_seq('R', 'theirs_id_seq');
insert into mine default values;
select * from londiste.local_show_missing('L');
select * from londiste.execute_start('R', 'f', 'select 1', true);
select * from londiste.execute_finish('R', 'f');
select * from londiste.global_add_table('L', 'x');
select * from londiste.root_check_seqs('R');
select londiste.periodic_maintenance();
begin;
select londiste.set_session_replication_role('replica', true);
show session_replication_role;
commit;
set session_replication_role = replica;
select * from londiste.local_remove_table('R', 'mine');
select * from pgq_node.drop_node('R', 'top');
drop table mine;
reset role;

set role pgq_admin;
select * from londiste.root_check_seqs('R');
select londiste.periodic_maintenance();
select londiste.upgrade_schema();
reset role;
revoke create on schema public from londiste_writer;
