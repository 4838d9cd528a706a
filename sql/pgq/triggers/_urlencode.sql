-- Url-encodes a text: letters, digits and "_.-" stay, a blank becomes "+", every other byte "%xx". Bytes
-- are those of pgq._event_encoding().
--
-- The character \x01 stays too: pgq._url_row() marks with it where names and values meet, and so
-- encodes a row in one call.
create or replace function pgq._urlencode(i_text text) returns text
language plpgsql immutable strict as $$
declare
    -- what is still to be encoded, besides the "%" and "+" made here
    others constant pg_catalog.text := E'[^\x01%+.0-9A-Z_a-z-]+';
    -- Replacing one run of them after the other is fast as long as there are few.
    few constant    integer := 20;
    short constant  integer := 10000;
    encoded         pg_catalog.text;
    run             pg_catalog.text;
    -- Where nothing is converted nothing can fail, and that is the quick way.
    own_bytes constant boolean := pg_catalog.getdatabaseencoding()::pg_catalog.text
        operator(pg_catalog.=) pgq._event_encoding();
begin
    encoded := pgq._urlencode_common(i_text);
    for i in 1 .. few loop
        run := pg_catalog.substring(encoded collate "C", others);
        if run is null then
            return encoded;
        end if;
        exit when pg_catalog.octet_length(encoded) operator(pg_catalog.>) short;
        encoded := pg_catalog.replace(encoded, run,
            pg_catalog.regexp_replace(
                pg_catalog.encode(
                    case when own_bytes
                         then pg_catalog.convert_to(run, pgq._event_encoding())
                         else pgq._event_bytes(run)
                    end, 'hex'),
                '..', E'%\\&', 'g'));
    end loop;

    -- What needs nothing more, each with the run of others that follows it.
    return (
        select pg_catalog.string_agg(
                   pg_catalog.concat(
                       piece.part[1],
                       pg_catalog.regexp_replace(
                           pg_catalog.encode(
                               case when own_bytes
                                    then pg_catalog.convert_to(piece.part[2], pgq._event_encoding())
                                    else pgq._event_bytes(piece.part[2])
                               end, 'hex'),
                           '..', E'%\\&', 'g')),
                   '')
          from pg_catalog.regexp_matches(encoded collate "C",
                   E'([\x01%+.0-9A-Z_a-z-]*)([^\x01%+.0-9A-Z_a-z-]*)', 'g')
               as piece (part));
end;
$$;
