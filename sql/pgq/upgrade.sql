do $$
begin
    perform pgq.upgrade_schema();
    perform pgq._make_store_event();
end;
$$;
