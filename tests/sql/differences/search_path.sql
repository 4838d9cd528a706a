-- Functions that run with their owner's rights do not pick up operators from the caller's schemas.
select pgq_node.register_location('R', 'top', 'dbname=top', false);
select * from pgq_node.create_node('R', 'root', 'top', 'top_worker', null, null, null);
create schema evil;
grant usage on schema evil to public;
create function evil.eq(a text, b text) returns boolean as $$
begin
    raise notice 'run with the rights of %', current_user;
    return a operator(pg_catalog.=) b;
end;
$$ language plpgsql;
create operator evil.= (leftarg = text, rightarg = text, function = evil.eq);
set role pgq_reader;
set search_path = evil, pg_catalog;
select count(*) from pgq_node.get_queue_locations('R');
select ret_code, node_name from pgq_node.get_consumer_state('R', 'top_worker');
reset search_path;
reset role;
