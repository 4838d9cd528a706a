-- A registered sequence is not missing.
select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create sequence added;
create sequence other;
select * from londiste.local_add_seq('R', 'added');
select * from londiste.local_show_missing('R');
