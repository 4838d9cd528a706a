-- find_column_types marks the key's own columns; the reference marks as many columns from the left as the key has,
-- and refuses a table whose key stands behind a dropped column.
create table key_last (a int, b int, id int primary key);
create table key_mixed (a int, b int, c int, d int, primary key (d, b));
create table key_moved (gone int, id int, txt text);
alter table key_moved drop column gone;
alter table key_moved add primary key (id);
create table key_included (id int, extra int, rest int, primary key (id) include (extra));
select n, londiste.find_column_types(n) from unnest(array['key_last', 'key_mixed', 'key_moved', 'key_included']) n;

select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
select * from londiste.local_add_table('R', 'key_moved');
