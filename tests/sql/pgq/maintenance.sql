-- Rotation, maint_operations, maint_tables_to_vacuum.
\set VERBOSITY terse
select pgq.create_queue('q');
select pgq.create_queue('p');
select * from pgq.maint_operations();
select pgq.maint_rotate_tables_step1('nope');
select pgq.maint_rotate_tables_step1(null);
select pgq.maint_rotate_tables_step1('q');
select queue_name, queue_cur_table from pgq.queue order by 1;

-- Other transactions of the server must not decide which ticks are old.
update pgq.queue set queue_switch_time = now() - interval '1 day', queue_switch_step1 = 90,
       queue_switch_step2 = 100;
update pgq.tick set tick_snapshot = '99:105:';
insert into pgq.tick (tick_queue, tick_id, tick_snapshot, tick_event_seq) values (1, 2, '100:105:', 1);
select * from pgq.maint_operations();
select pgq.insert_event('q', 't', 'in table 0');
select pgq.maint_rotate_tables_step1('q');
select queue_name, queue_cur_table, queue_switch_step2 is null, queue_switch_step1 > 0
  from pgq.queue order by 1;
select * from pgq.maint_operations();
select pgq.maint_rotate_tables_step1('q');
select pgq.maint_rotate_tables_step2();
select queue_name, queue_cur_table, queue_switch_step2 > queue_switch_step1 from pgq.queue order by 1;
select pgq.insert_event('q', 't', 'in table 1');
select tableoid::regclass, ev_data from pgq.event_1 order by ev_id;
select tick_id from pgq.tick where tick_queue = 1;
delete from pgq.tick where tick_queue = 1;
select pgq.register_consumer('q', 'late');
select pgq.ticker('q') is not null;

-- a consumer that lags keeps the table
select pgq.register_consumer('q', 'c');
update pgq.queue set queue_switch_time = now() - interval '1 day' where queue_name = 'q';
update pgq.tick set tick_snapshot = '3:3:' where tick_queue = 1;
select pgq.maint_rotate_tables_step1('q');
select queue_cur_table from pgq.queue where queue_name = 'q';
update pgq.subscription set sub_last_tick = 99;
select pgq.maint_rotate_tables_step1('q');
update pgq.subscription set sub_last_tick = null;
select pgq.maint_rotate_tables_step1('q');
select queue_cur_table, queue_switch_step2 is null from pgq.queue where queue_name = 'q';
select count(*) from pgq.tick where tick_queue = 1;
update pgq.queue set queue_rotation_period = '1 second', queue_switch_step2 = 1,
       queue_switch_step1 = 9000000000000 where queue_name = 'q';
do $$
begin
    perform pgq.maint_rotate_tables_step1('q');
exception when others then
    raise notice '% %', sqlstate, regexp_replace(sqlerrm, 'current=\d+', 'current=N');
end;
$$;
update pgq.queue set queue_switch_step1 = 1, queue_switch_time = now() - interval '1 day'
 where queue_name = 'q';
select pgq.maint_rotate_tables_step1('q');
select pgq.maint_rotate_tables_step2();
select tableoid::regclass, ev_data from pgq.event_1 order by ev_id;
update pgq.queue set queue_switch_time = now() - interval '1 day' where queue_name = 'q';
select pgq.maint_rotate_tables_step1('q');
select queue_cur_table from pgq.queue where queue_name = 'q';
select tableoid::regclass, ev_data from pgq.event_1 order by ev_id;
select pgq.maint_rotate_tables_step2();

-- everything that has to be done
update pgq.queue set queue_switch_time = now() - interval '1 day';
update pgq.queue set queue_extra_maint = array['public.f1', 'public.f2'] where queue_name = 'q';
update pgq.queue set queue_extra_maint = array['public.f3'] where queue_name = 'p';
select * from pgq.maint_operations();
update pgq.queue set queue_switch_time = now(), queue_switch_step2 = null where queue_name = 'p';
select * from pgq.maint_operations();
select * from pgq.maint_tables_to_vacuum();

create schema pgq_node;
create table pgq_node.node_info (queue_name text, node_type text);
insert into pgq_node.node_info values ('q', 'root'), ('p', 'branch');
create function pgq_node.maint_watermark(text) returns int4 language sql as 'select 0';
select * from pgq.maint_operations();
create schema londiste;
create table londiste.seq_info (queue_name text, seq_name text, local bool);
insert into londiste.seq_info values ('q', 'a', true), ('q', 'b', true), ('q', 'c', false), ('p', 'd', true);
create function londiste.root_check_seqs(text) returns int4 language sql as 'select 0';
select * from pgq.maint_operations();
create function londiste.periodic_maintenance() returns int4 language sql as 'select 0';
select * from pgq.maint_operations();
