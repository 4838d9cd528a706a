-- Removing one source of a merged table in the middle of its copy does not take the rows of the others along.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['CR', 'pr1', 'pr2']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('CR', 'root', 'here', 'cr_worker', null, null, null);
select * from pgq_node.create_node('pr1', 'leaf', 'here', 'pr1_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pr2', 'leaf', 'here', 'pr2_worker', 'top', 5, 'CR');
create table t (id int primary key);
select londiste.global_add_table(q, 't') from unnest(array['pr1', 'pr2']) q;
select * from londiste.local_add_table('pr1', 't', array['merge_all']);
begin;
set local session_replication_role = replica;
insert into t values (2);
commit;
select * from londiste.local_set_table_state('pr2', 't', null, 'catching-up');
select * from londiste.local_set_table_state('pr1', 't', null, 'in-copy');
select * from londiste.local_set_table_struct('pr1', 'public.t', 'create index t_idx on t (id)');
select * from londiste.local_remove_table('pr1', 't');
select * from t;

-- the way out: all sources, the one that leads the copy last
select * from londiste.local_remove_table('pr2', 't');
select * from londiste.local_remove_table('pr1', 't');
select * from t;
