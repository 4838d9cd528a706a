create view events as
select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_template order by ev_id;
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['R', 'L']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);

select * from londiste.execute_finish('R', 'f1.sql');
select * from londiste.execute_start('unknown', 'f1.sql', 'select 1', false);
select * from londiste.execute_finish('unknown', 'f1.sql');
select * from londiste.execute_start('L', 'f1.sql', 'select 1', true);
\set VERBOSITY terse
select * from londiste.execute_start('R', 'f1.sql', null, true);
select * from londiste.execute_start('R', null, 'select 1', true);
\set VERBOSITY default
select * from londiste.execute_start('R', 'f1.sql', 'select 1', true);
select * from londiste.execute_start('R', 'f1.sql', 'select 1', true);
select * from londiste.execute_start('L', 'f1.sql', 'select 2', false);
select * from londiste.execute_start('R', 'f2.sql', 'select 2', true, 'Need-Table: x');
select * from londiste.execute_start('L', 'f3.sql', 'select 3', null, 'a');
select * from londiste.execute_finish('R', 'f1.sql');
select * from londiste.execute_finish('R', 'f1.sql');
select * from londiste.execute_finish('R', 'f2.sql');
select * from londiste.execute_finish('L', 'f3.sql');
select * from londiste.execute_finish('R', 'f3.sql');
select * from londiste.execute_finish('R', 'f4.sql');
select * from londiste.execute_finish('R', null);
select queue_name, execute_file, execute_sql, execute_attrs from londiste.applied_execute order by 2;
select * from events;

-- three months later
update londiste.applied_execute set execute_time = now() - '3 months 1 hour'::interval where execute_file = 'f1.sql';
update londiste.applied_execute set execute_time = now() - '2 months 20 days'::interval where execute_file = 'f2.sql';
select londiste.periodic_maintenance();
select execute_file from londiste.applied_execute order by 1;

select londiste.root_notify_change('R', 'my.type', 'my data');
select londiste.root_notify_change('R', null, null);
select londiste.root_notify_change('L', 'my.type', 'my data');
select londiste.root_notify_change('unknown', 'my.type', 'my data');
select * from events where ev_type = 'my.type' or ev_type is null;
