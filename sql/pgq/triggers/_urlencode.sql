-- One name or value of a url-encoded row: letters, digits and "_.-" stay, a blank becomes "+",
-- every other byte "%xx".
create or replace function pgq._urlencode(i_text text) returns text
language plpgsql immutable strict as $$
declare
    encoded pg_catalog.text;
begin
    if i_text collate "C" operator(pg_catalog.!~) '[^0-9A-Za-z_.-]' then
        return i_text;
    end if;
    -- Runs of plain characters, each with the run of others that follows it.
    select pg_catalog.string_agg(
               pg_catalog.concat(
                   pg_catalog.replace(run.part[1], ' ', '+'),
                   pg_catalog.regexp_replace(
                       pg_catalog.encode(
                           pg_catalog.convert_to(run.part[2], pg_catalog.getdatabaseencoding()),
                           'hex'),
                       '(..)', E'%\\1', 'g')),
               '')
      into encoded
      from pg_catalog.regexp_matches(i_text collate "C",
               '([ 0-9A-Za-z_.-]*)([^ 0-9A-Za-z_.-]*)', 'g')
           as run (part);
    return encoded;
end;
$$;
