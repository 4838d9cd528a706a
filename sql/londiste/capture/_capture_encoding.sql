-- The part of a capture function that makes an event's data of a row, i_row being "new" or "old".
--
-- The whole row is url-encoded at once, a few passes over one text instead of some for each column.
-- `texts` has the values that can contain anything, to see what is to be done: "&" and "=" and odd
-- control characters, which go with the separators of the row, take the slow way. What is not ASCII
-- stays in both and is encoded afterwards, run by run, see _capture_source(). All of that is done by
-- bytes: under a column's own collation, which may be a nondeterministic one, nothing can be replaced.
create or replace function londiste._capture_encoding(i_relid oid, i_row text)
returns text as $function$
declare
    col record;
    value text;             -- the expression for a column
    variables text := '';   -- statements that set variables which stand for columns
    row_parts text[] := '{}';
    texts text[] := '{}';
    names text[] := '{}';
    values_or_null text[] := '{}';
    separator text := '';
    general text;
begin
    for col in
        select * from londiste._capture_columns(i_relid)
    loop
        value := format('%s.%I', i_row, col.name);
        if col.kind = 'dear' then
            -- made once; and a composite value of nothing but NULLs is not NULL itself
            variables := variables || format(
                'c%1$s := case when pg_catalog.num_nulls(%2$s) operator(pg_catalog.=) 0'
                ' then pg_catalog.concat(%2$s) end;%3$s', col.attnum, value, E'\n        ');
            value := 'c' || col.attnum;
            values_or_null := values_or_null || value;
        else
            values_or_null := values_or_null || format(
                'case when %1$s is not null then pg_catalog.concat(%1$s) end', value);
        end if;
        if col.kind in ('text', 'dear') then
            texts := texts || value;
        end if;
        names := names || col.name;
        row_parts := row_parts
            || case when col.required and col.kind <> 'dear'
                    then quote_literal(separator || col.name || '=')
                    else format('case when %s is null then %L else %L end',
                                value, separator || col.name, separator || col.name || '=')
               end
            || value;
        separator := '&';
    end loop;

    general := format('pgq._url_row(%L, array[%s]::pg_catalog.text[] collate pg_catalog."C")',
                      names, array_to_string(values_or_null, ', '));
    if array_to_string(names, '') ~ '[^0-9A-Za-z_.-]' then
        return format('%sdata := %s;', variables, general);
    elsif texts = '{}' then
        return format('data := pgq._urlencode_common(%s collate pg_catalog."C");', londiste._concat_call(row_parts, null));
    end if;

    return format($code$%stexts := %s;
        data := pgq._urlencode_common(%s collate pg_catalog."C");
        if texts operator(pg_catalog.~) %s then
            if texts operator(pg_catalog.~) %s then
                data := %s;
                texts := '';
            else
                data := pgq._urlencode_rare(data);
            end if;
        end if;$code$,
        variables,
        londiste._concat_call(texts, ' '),
        londiste._concat_call(row_parts, null),
        -- what _urlencode_common does not do, then what _urlencode_rare does not do either
        case when getdatabaseencoding() = 'UTF8'
             then $$E'[\x01-\x1f"-$&(-*;-?[-^`{-\x7f]'
            or pg_catalog.octet_length(texts) operator(pg_catalog.>) 4000$$
             -- other encodings have no ranges to rely on
             else $$E'[^ 0-9A-Za-z_.+%:/@,''!-]'$$
        end,
        case when getdatabaseencoding() = 'UTF8'
             then $$E'[\x01-\x08\x0b\x0c\x0e-\x1f&=\x7f]'
                or pg_catalog.octet_length(texts) operator(pg_catalog.>) 4000$$
             else $$E'[^\t\n\r 0-9A-Za-z_.+%:/@,''!"#$()*;<>?[\\\\\\]^`{|}~-]'$$
        end,
        general);
end;
$function$ language plpgsql stable;
