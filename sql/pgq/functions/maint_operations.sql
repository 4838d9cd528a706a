-- What maintenance has to do now: functions with their argument, to be run in this order, each in
-- its own transaction. A function that returns anything but 0 wants to be run again at once.
create or replace function pgq.maint_operations(out func_name text, out func_arg text)
returns setof record
language plpgsql as $$
declare
    q           pg_catalog.record;
    rotating    boolean := false;
    present     pg_catalog.text[];
begin
    for func_arg in
        select queue_name
          from pgq.queue
         where queue_rotation_period is not null
           and queue_switch_step2 is not null
           and (queue_switch_time operator(pg_catalog.+) queue_rotation_period)
                   operator(pg_catalog.<) current_timestamp
         order by queue_name
    loop
        func_name := 'pgq.maint_rotate_tables_step1';
        rotating := true;
        return next;
    end loop;

    -- Step1 may have been run and the daemon stopped before step2.
    if rotating
       or exists (select from pgq.queue
                   where queue_rotation_period is not null
                     and queue_switch_step2 is null) then
        func_name := 'pgq.maint_rotate_tables_step2';
        func_arg := null;
        return next;
    end if;

    for q in
        select queue_name, queue_extra_maint
          from pgq.queue
         where queue_extra_maint is not null
         order by queue_name
    loop
        func_arg := q.queue_name;
        foreach func_name in array q.queue_extra_maint loop
            return next;
        end loop;
    end loop;

    func_name := 'vacuum';
    for func_arg in select t.name from pgq.maint_tables_to_vacuum() as t (name) loop
        return next;
    end loop;

    -- The upper schemas bring their own work, where they are installed.
    present := array(
        select pg_catalog.concat(n.nspname, '.', p.proname)
          from pg_catalog.pg_proc p
               join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
         where (n.nspname operator(pg_catalog.=) 'pgq_node'
                and p.proname operator(pg_catalog.=) 'maint_watermark')
            or (n.nspname operator(pg_catalog.=) 'londiste'
                and (p.proname operator(pg_catalog.=) 'root_check_seqs'
                     or p.proname operator(pg_catalog.=) 'periodic_maintenance')));

    func_name := 'pgq_node.maint_watermark';
    if func_name operator(pg_catalog.=) any (present) then
        for func_arg in
            select n.queue_name
              from pgq_node.node_info n
             where n.node_type operator(pg_catalog.=) 'root'
             order by 1
        loop
            return next;
        end loop;
    end if;

    func_name := 'londiste.root_check_seqs';
    if func_name operator(pg_catalog.=) any (present) then
        for func_arg in
            select distinct s.queue_name
              from londiste.seq_info s
                   join pgq_node.node_info n
                        on n.queue_name operator(pg_catalog.=) s.queue_name
             where s.local
               and n.node_type operator(pg_catalog.=) 'root'
             order by 1
        loop
            return next;
        end loop;
    end if;

    func_name := 'londiste.periodic_maintenance';
    if func_name operator(pg_catalog.=) any (present) then
        func_arg := null;
        return next;
    end if;
end;
$$;
