-- What consumers note as done. The reference is in no package: these answers are the contract's.
select pgq_ext.version();
select pgq_ext.upgrade_schema();

select pgq_ext.is_batch_done('c', 1);
select pgq_ext.set_batch_done('c', 1);
select pgq_ext.set_batch_done('c', 1);
select pgq_ext.is_batch_done('c', 1);
select pgq_ext.is_batch_done('c', 2);
select pgq_ext.is_batch_done('c', null);
select pgq_ext.is_batch_done('nobody', null);
select pgq_ext.is_batch_done('c', 'sub', 1);
select pgq_ext.set_batch_done('c', 'sub', 7);
select pgq_ext.set_batch_done('c', 2);
select pgq_ext.is_batch_done('c', 1);
select pgq_ext.set_batch_done('c', 1);
select pgq_ext.set_batch_done('c', 0);
select pgq_ext.set_batch_done('c', -5);
select pgq_ext.set_batch_done('c', null);
select * from pgq_ext.completed_batch order by 1, 2;

select pgq_ext.is_event_done('c', 1, 10);
select pgq_ext.set_event_done('c', 1, 10);
select pgq_ext.set_event_done('c', 1, 10);
select pgq_ext.set_event_done('c', 1, 11);
select pgq_ext.is_event_done('c', 1, 11);
select pgq_ext.is_event_done('c', 2, 11);
select pgq_ext.is_event_done('c', null, 11);
select pgq_ext.is_event_done('c', 1, null);
select pgq_ext.set_event_done('c', 'sub', 1, 10);
select * from pgq_ext.completed_event order by 1, 2, 3, 4;
select pgq_ext.set_event_done('c', 2, 10);
select * from pgq_ext.completed_event order by 1, 2, 3, 4;
select * from pgq_ext.partial_batch order by 1, 2;
\set VERBOSITY terse
select pgq_ext.set_event_done('c', null, 10);
select pgq_ext.set_event_done('new', null, 10);
select pgq_ext.set_event_done('c', 2, null);
\set VERBOSITY default

select pgq_ext.get_last_tick('c');
select pgq_ext.set_last_tick('c', 5);
select pgq_ext.set_last_tick('c', 'sub', 6);
select pgq_ext.get_last_tick('c'), pgq_ext.get_last_tick('c', 'sub');
select pgq_ext.set_last_tick('c', 3);
select pgq_ext.get_last_tick('c');
select pgq_ext.set_last_tick('c', null);
select pgq_ext.set_last_tick('c', null);
select * from pgq_ext.completed_tick order by 1, 2;

-- the layout of years ago
alter table pgq_ext.completed_tick drop column subconsumer_id;
alter table pgq_ext.completed_batch drop column subconsumer_id;
alter table pgq_ext.completed_event drop column subconsumer_id;
alter table pgq_ext.partial_batch drop column subconsumer_id;
truncate pgq_ext.completed_tick, pgq_ext.completed_batch, pgq_ext.completed_event, pgq_ext.partial_batch;
alter table pgq_ext.completed_tick add constraint completed_tick_pkey primary key (consumer_id);
alter table pgq_ext.completed_batch add constraint completed_batch_pkey primary key (consumer_id);
alter table pgq_ext.completed_event add constraint completed_event_pkey primary key (consumer_id, batch_id, event_id);
alter table pgq_ext.partial_batch add constraint partial_batch_pkey primary key (consumer_id);
insert into pgq_ext.completed_tick values ('old', 1);
insert into pgq_ext.completed_event values ('old', 1, 2);
select pgq_ext.upgrade_schema();
select pgq_ext.upgrade_schema();
select pgq_ext.get_last_tick('old'), pgq_ext.is_event_done('old', 1, 2);
alter table pgq_ext.completed_tick alter subconsumer_id drop default;
select pgq_ext.upgrade_schema();
select c.relname, a.attnum, a.attname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
  from pg_attribute a join pg_class c on c.oid = a.attrelid
       left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where c.relnamespace = 'pgq_ext'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
 order by 1, 2;
select conname, pg_get_constraintdef(oid) from pg_constraint
 where connamespace = 'pgq_ext'::regnamespace and contype = 'p' order by 1;
