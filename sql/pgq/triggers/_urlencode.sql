-- One name or value of a url-encoded row: letters, digits and "_.-" stay, a blank becomes "+",
-- every other byte "%xx". Bytes are those of pgq._event_encoding().
create or replace function pgq._urlencode(i_text text) returns text
language plpgsql immutable strict as $$
declare
    encoded pg_catalog.text;
    own_bytes boolean;
begin
    if i_text collate "C" operator(pg_catalog.!~) '[^0-9A-Za-z_.-]' then
        return i_text;
    end if;
    -- Where nothing is converted nothing can fail, and that is the quick way.
    own_bytes := pg_catalog.getdatabaseencoding()::pg_catalog.text
        operator(pg_catalog.=) pgq._event_encoding();
    -- Runs of plain characters, each with the run of others that follows it.
    select pg_catalog.string_agg(
               pg_catalog.concat(
                   pg_catalog.replace(run.part[1], ' ', '+'),
                   pg_catalog.regexp_replace(
                       pg_catalog.encode(
                           case when own_bytes
                                then pg_catalog.convert_to(run.part[2], pgq._event_encoding())
                                else pgq._event_bytes(run.part[2])
                           end, 'hex'),
                       '(..)', E'%\\1', 'g')),
               '')
      into encoded
      from pg_catalog.regexp_matches(i_text collate "C",
               '([ 0-9A-Za-z_.-]*)([^ 0-9A-Za-z_.-]*)', 'g')
           as run (part);
    return encoded;
end;
$$;
