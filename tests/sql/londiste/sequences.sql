create view events as
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_template order by ev_id;
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
create sequence s1;
create sequence s2 start 500;
create schema "Odd S";
create sequence "Odd S"."Se.q";
create table not_a_seq (id int);

-- root
select * from londiste.local_add_seq('R', 'missing');
select * from londiste.local_add_seq('unknown', 'missing');
select * from londiste.local_add_seq('unknown', 's1');
select * from londiste.local_add_seq('R', 'not_a_seq');
select * from londiste.local_add_seq('R', 's1');
select * from londiste.local_add_seq('R', 'public.s1');
select * from londiste.local_add_seq('R', 's2');
select * from londiste.local_add_seq('R', 'Odd S.Se.q');
select * from londiste.get_seq_list('R');
select * from londiste.get_seq_list('unknown');
select * from londiste.get_seq_list(null);
select * from events;

-- published before it is reached
select setval('s1', 20000);
select * from londiste.root_check_seqs('R');
select last_value from londiste.seq_info where seq_name = 'public.s1';
select setval('s1', 20001);
select * from londiste.root_check_seqs('R');
select last_value from londiste.seq_info where seq_name = 'public.s1';
select setval('s1', 20001, false);
select * from londiste.root_check_seqs('R', 100);
select setval('s1', 49902);
select * from londiste.root_check_seqs('R', 100);
select * from londiste.root_check_seqs('R', 9);
select * from londiste.root_check_seqs('R', 10);
select * from londiste.root_check_seqs('R', null);
select * from londiste.root_check_seqs('R', -5);
select * from londiste.root_check_seqs('unknown');
select * from londiste.root_check_seqs('unknown', 5);
select * from londiste.root_check_seqs('L');
select * from londiste.get_seq_list('R');

-- below the root
select * from londiste.local_add_seq('L', 's1');
select * from londiste.global_update_seq('unknown', 's1', 5);
select * from londiste.global_update_seq('R', 's1', 5);
select * from londiste.global_update_seq('L', 's1', null);
select * from londiste.global_update_seq('L', 's1', 7000);
select * from londiste.global_update_seq('L', 's2', 7000);
select last_value from s2;
select * from londiste.local_add_seq('L', 's2');
select last_value from s2;
select * from londiste.local_add_seq('L', 's2');
select * from londiste.global_update_seq('L', 's2', 8000);
select last_value from s2;
select * from londiste.global_update_seq('L', 's2', 1000);
select last_value from s2;
select * from londiste.global_update_seq('L', 'far.away', 1000);
select * from londiste.global_update_seq('L', 's1', 8000);
select last_value from s1;
select * from londiste.get_seq_list('L');

-- removal
select * from londiste.local_remove_seq('L', 's2');
select * from londiste.local_remove_seq('L', 's2');
select * from londiste.local_remove_seq('L', 'unknown');
select * from londiste.local_remove_seq('unknown', 's2');
select * from londiste.local_remove_seq('R', 's2');
select * from londiste.local_remove_seq('R', 's2');
select * from londiste.global_remove_seq('L', 's2');
select * from londiste.global_remove_seq('L', 's2');
select * from londiste.global_remove_seq('unknown', 's2');
drop sequence s1;
select * from londiste.root_check_seqs('R');
select * from londiste.global_remove_seq('R', 's1');
select * from londiste.root_check_seqs('R');
select * from londiste.get_seq_list('R');
select * from londiste.get_seq_list('L');

-- known but not local
insert into londiste.seq_info (queue_name, seq_name, last_value) values ('R', 'public.s3', 12345);
create sequence s3;
select * from londiste.local_add_seq('R', 's3');
select * from londiste.get_seq_list('R');
select * from events;
select func_name, func_arg from pgq.maint_operations() where func_name like 'londiste%';
