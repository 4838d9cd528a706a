do $$
begin
    perform pgq.upgrade_schema();
end;
$$;
