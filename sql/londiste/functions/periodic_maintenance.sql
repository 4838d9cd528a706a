-- Forgets scripts that ran more than three months ago, and makes triggers anew whose tables have
-- changed. Always returns 0, there is never a reason to call it again at once.
create or replace function londiste.periodic_maintenance()
returns integer as $$
begin
    delete from londiste.applied_execute e
     where e.execute_time < now() - '3 months'::interval;
    perform londiste._refresh_captures(false);
    return 0;
end;
$$ language plpgsql;
