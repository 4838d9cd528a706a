-- Prepares the expression of a trigger argument: words that are exactly a column's name become
-- fields of $1, the changed row. String constants, comments, numbers, qualified names, function
-- names and the type after "::" stay as they are. Column names are written as they are stored,
-- without quotes or within them. Fails on parameters ($1), which expressions do not have.
create or replace function pgq._bind_columns(i_expression text, i_columns text[]) returns text
language plpgsql immutable as $$
declare
    letter constant         pg_catalog.text := E'(?:[A-Za-z_]|[^\x01-\x7f])';
    whitespace constant     pg_catalog.text := '^[[:space:]]+';
    line_comment constant   pg_catalog.text := E'^--[^\n]*';
    escape_string constant  pg_catalog.text := E'^[eE]''(?:[^''\\\\]|''''|\\\\.)*''';
    plain_string constant   pg_catalog.text := '^''(?:[^'']|'''')*''';
    quoted_name constant    pg_catalog.text := '^"(?:[^"]|"")*"';
    plain_name constant     pg_catalog.text := pg_catalog.format('^%s(?:%s|[0-9$])*', letter, letter);
    number constant         pg_catalog.text := '^[0-9][0-9A-Za-z_.]*';
    dollar_tag constant     pg_catalog.text :=
        pg_catalog.format('^[$](?:%s(?:%s|[0-9])*)?[$]', letter, letter);
    -- up to the next place where a comment ends or another one begins inside of it
    to_comment_mark constant pg_catalog.text := '^(?:[^*/]|[*](?!/)|/(?![*]))*(?:[*]/|/[*])';

    rest    pg_catalog.text := i_expression;
    bound   pg_catalog.text := '';
    before  pg_catalog.text := '';     -- the last token that was not white space
    token   pg_catalog.text;
    tail    pg_catalog.text;
    name    pg_catalog.text;
    depth   integer;
begin
    while rest operator(pg_catalog.<>) '' loop
        name := null;
        token := coalesce(
            pg_catalog.substring(rest, whitespace),
            pg_catalog.substring(rest, line_comment),
            pg_catalog.substring(rest, escape_string),
            pg_catalog.substring(rest, plain_string));
        if token is null then
            name := coalesce(
                pg_catalog.substring(rest, plain_name),
                pg_catalog.substring(rest, quoted_name));
            token := coalesce(name,
                pg_catalog.substring(rest, number),
                pg_catalog.substring(rest, dollar_tag),
                pg_catalog.substring(rest, '^(?:::|/[*])'),
                pg_catalog.left(rest, 1));
        end if;
        tail := pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1);

        if name is null and token operator(pg_catalog.=) '$' and tail operator(pg_catalog.~) '^[0-9]' then
            -- $1 would be the whole row, with columns that nobody asked for
            raise exception using errcode = '42P02', message = pg_catalog.format(
                'there is no parameter $%s', pg_catalog.substring(tail, '^[0-9]+'));
        elsif token operator(pg_catalog.=) '/*' then
            depth := 1;
            while depth operator(pg_catalog.>) 0 and tail operator(pg_catalog.<>) '' loop
                token := pg_catalog.concat(token,
                    coalesce(pg_catalog.substring(tail, to_comment_mark), tail));
                tail := pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1);
                depth := depth operator(pg_catalog.+)
                    (case when pg_catalog.right(token, 2) operator(pg_catalog.=) '/*'
                          then 1 else -1 end);
            end loop;
        elsif name is null and token operator(pg_catalog.~) dollar_tag then
            -- a string, up to the same tag again
            depth := pg_catalog.strpos(tail, token);
            if depth operator(pg_catalog.>) 0 then
                token := pg_catalog.left(rest, depth operator(pg_catalog.-) 1
                    operator(pg_catalog.+) (2 operator(pg_catalog.*) pg_catalog.length(token)));
            else
                token := rest;
            end if;
            tail := pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1);
        elsif pg_catalog.left(name, 1) operator(pg_catalog.=) '"' then
            name := pg_catalog.replace(
                pg_catalog.substr(name, 2, pg_catalog.length(name) operator(pg_catalog.-) 2),
                '""', '"');
        end if;

        if name operator(pg_catalog.=) any (i_columns)
           and before operator(pg_catalog.<>) '.'
           and before operator(pg_catalog.<>) '::'
           and tail operator(pg_catalog.!~) '^[[:space:]]*[.(]'
        then
            bound := pg_catalog.concat(bound, pg_catalog.format('($1).%I', name));
        else
            bound := pg_catalog.concat(bound, token);
        end if;
        if token operator(pg_catalog.!~) whitespace then
            before := token;
        end if;
        rest := tail;
    end loop;
    return bound;
end;
$$;
