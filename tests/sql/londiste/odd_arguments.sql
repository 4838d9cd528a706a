-- Merge leafs on a plain queue, arrays and names nobody uses on purpose, nulls.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['mp1', 'mp2', 'L', 'L2','R']) q, unnest(array['top', 'here']) n;
select pgq.create_queue('plain');
select * from pgq_node.create_node('mp1', 'leaf', 'here', 'mp1_worker', 'top', 5, 'plain');
select * from pgq_node.create_node('mp2', 'leaf', 'here', 'mp2_worker', 'top', 5, 'plain');
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
select * from pgq_node.create_node('L2', 'leaf', 'here', 'l2_worker', 'top', 5, null);
create table t (id int primary key);
create table u (id int);
select londiste.global_add_table(q, 't'),londiste.global_add_table(q, 'u') from unnest(array['mp1','mp2','L','L2']) q;
begin; select * from londiste.local_add_table('mp1','t',array['expect_sync']); select queue_name, table_name, local from londiste.table_info order by 1,2; rollback;
begin; select * from londiste.local_add_table('L','t',array['expect_sync']); select queue_name, table_name, local from londiste.table_info order by 1,2; rollback;
update londiste.table_info set local=true, merge_state='in-copy', dropped_ddl='x' where table_name='public.u' and queue_name in ('mp1','L');
begin; select * from londiste.local_add_table('mp2','u',array['no_merge']); rollback;
begin; select * from londiste.local_add_table('L2','u',array['no_merge']); rollback;
update londiste.table_info set local=true, merge_state='in-copy', dropped_ddl=null where table_name='public.t';
select q, londiste._coordinate_copy(q, 'public.t') from unnest(array['mp1','mp2','L','L2']) q;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);

-- arguments
create table a1 (id int primary key);
create table a2 (id int primary key);
create table a3 (id int primary key);
select * from londiste.local_add_table('R', 'a1', '[0:2]={no_triggers,backup,x}'::text[]);
select * from londiste.local_add_table('R', 'a2', array['skip_truncate','skip_truncate'], 'a');
select * from londiste.local_add_table('R', 'a3', array['tgflags=b','TGFLAGS=S','tgflags=s']);
select * from londiste.get_table_list('R');
select tgrelid::regclass, regexp_replace(pg_get_triggerdef(oid), 'londiste\._capture_\w+', 'pgq.logutriga') as pg_get_triggerdef
  from pg_trigger where tgname ~ 'londiste_R$';
select * from londiste.local_add_table('R', '');
select * from londiste.local_add_table('R', 'a1', null, null, '');
create table "A.b" (id int primary key);
select * from londiste.local_add_table('R', 'A.b');
select * from londiste.local_add_table('R', 'public.A.b');
select * from londiste.local_remove_table('R', 'public.A.b');
select * from londiste.local_add_table('R', '"A.b"');
select * from londiste.execute_start('R','','',true);
select * from londiste.global_add_table('R','');
select * from londiste.global_remove_table('R','');
select * from pgq_node.create_node('', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.register_location('', '', '', false);
select * from pgq_node.create_node('', 'root', '', '', null, null, null);
select * from pgq_node.drop_node('', '');
select * from londiste.root_check_seqs(null);
select * from londiste.global_update_seq('L', null, 5);
select * from londiste.local_add_seq(null, null);
select * from londiste.local_add_seq('R', null);
select * from londiste.execute_start(null, null, null, null);
select * from londiste.local_set_table_state(null, null, null, null);
select * from londiste.local_set_table_attrs('R', null, null);
select * from londiste.local_set_table_struct('R', null, null);
select * from londiste.local_change_handler(null, null, null, null);
select * from londiste.local_change_handler('R', null, null, null);
select * from londiste.create_trigger(null, 'public.a1', null, 'public.a1', 'root');
select * from londiste.create_trigger('R', null, null, 'public.a1', 'root');
select * from londiste.local_add_table('R', 'a1', array['no_triggers'], null, null);
