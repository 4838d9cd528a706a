-- Two sources of one table in all combinations of states; `!` stands for a stored structure.
select pgq_node.register_location(q, n, 'dbname=' || n, false)
  from unnest(array['CR', 'pr1', 'pr2', 'pr3', 'L', 'B']) q, unnest(array['top', 'here']) n;
select * from pgq_node.create_node('CR', 'root', 'here', 'cr_worker', null, null, null);
select * from pgq_node.create_node('pr1', 'leaf', 'here', 'pr1_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pr2', 'leaf', 'here', 'pr2_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('pr3', 'leaf', 'here', 'pr3_worker', 'top', 5, 'CR');
select * from pgq_node.create_node('L', 'leaf', 'here', 'l_worker', 'top', 5, null);
select * from pgq_node.create_node('B', 'branch', 'here', 'b_worker', 'top', 5, null);
create table t (id int primary key);
select londiste.global_add_table(q, 't') from unnest(array['pr1', 'pr2', 'pr3', 'L', 'B']) q;

create table states (nr serial, state text);
insert into states (state) values ('in-copy'), ('!in-copy'), ('catching-up'), ('!catching-up'), ('wanna-sync:1'), ('do-sync:1'), ('ok'), (null), ('remote in-copy');
create table answers (s1 text, s2 text, s3 text, answer1 text, answer2 text, answer3 text, list1 text);
create function put(q text, s text) returns void as $$
    update londiste.table_info
       set local = s is null or s not like 'remote%',
           merge_state = regexp_replace(s, '^(!|remote )', ''),
           dropped_ddl = case when s like '!%' then 'ddl' end
     where queue_name = q;
$$ language sql;
create function ask(q text) returns text as $$
    select coalesce(c.copy_role, '-') || '/' || coalesce(c.copy_pos::text, '-') from londiste._coordinate_copy(q, 'public.t') c;
$$ language sql;
do $$
declare
    a record;
    b record;
    c record;
begin
    for a in select * from states order by nr loop
        for b in select * from states order by nr loop
            for c in select * from states where state in ('remote in-copy', 'in-copy', '!catching-up') or state is null order by nr loop
                perform put('pr1', a.state), put('pr2', b.state), put('pr3', c.state);
                insert into answers select coalesce(a.state, '(null)'), coalesce(b.state, '(null)'), coalesce(c.state, '(null)'),
                    ask('pr1'), ask('pr2'), ask('pr3'),
                    (select coalesce(l.copy_role, '-') || '/' || l.copy_pos from londiste.get_table_list('pr1') l);
            end loop;
        end loop;
    end loop;
end;
$$;
select * from answers;

-- unrelated plain leafs and branches of one table
select put('L', 'in-copy'), put('B', 'in-copy');
select ask('B'), ask('L');
select * from londiste.get_table_list('L');
select * from londiste.get_table_list('B');
-- a renamed destination makes the group
update londiste.table_info set dest_table = 'public.other' where queue_name = 'L';
select ask('B'), ask('L');
select * from londiste._coordinate_copy('L', 'public.unknown');
select * from londiste._coordinate_copy('unknown', 'public.t');
select * from londiste._coordinate_copy(null, 'public.t');
