-- A text as the bytes that an event has of it.
--
-- Capture never fails an application's write. A text with a character that UTF-8 lacks (WIN1252 has
-- five bytes without a meaning) is written as it is, behind the byte FF: that never occurs in UTF-8,
-- so no consumer takes the rest for something else.
create or replace function pgq._event_bytes(i_text text) returns bytea
language plpgsql immutable strict as $$
begin
    return pg_catalog.convert_to(i_text, pgq._event_encoding());
exception
    when untranslatable_character or character_not_in_repertoire then
        return pg_catalog.decode('ff', 'hex') operator(pg_catalog.||)
            pg_catalog.convert_to(i_text, pg_catalog.getdatabaseencoding());
end;
$$;
