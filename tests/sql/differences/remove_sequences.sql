-- The sequences a removed table owns leave the set with it: also those of smallserial and identity columns, and of the
-- table's real name, not only of one with the set's name.
select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create table t (s smallserial, i int generated always as identity, big bigserial primary key);
create table phys (id serial primary key);
select * from londiste.local_add_table('R', 't');
create table logical (id serial primary key);
select * from londiste.local_add_table('R', 'logical', null, null, 'phys');
select s, ret_code from unnest(array['t_s_seq', 't_i_seq', 't_big_seq', 'phys_id_seq', 'logical_id_seq']) s, londiste.local_add_seq('R', s);
select * from londiste.local_remove_table('R', 't');
select seq_name from londiste.get_seq_list('R');
select * from londiste.local_remove_table('R', 'logical');
select seq_name from londiste.get_seq_list('R');
