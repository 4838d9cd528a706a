-- Prepares the expression of a trigger argument: words that are exactly a column's name become
-- fields of $1, the changed row. String constants, comments, numbers, qualified names, function
-- names and the type after "::" stay as they are. Column names are written as they are stored,
-- without quotes or within them.
create or replace function pgq._bind_columns(i_expression text, i_columns text[]) returns text
language plpgsql immutable as $$
declare
    rest    pg_catalog.text := i_expression;
    bound   pg_catalog.text := '';
    before  pg_catalog.text := '';     -- the last token that was not white space
    token   pg_catalog.text;
    name    pg_catalog.text;
    depth   integer;
begin
    while rest operator(pg_catalog.<>) '' loop
        name := null;
        token := coalesce(
            pg_catalog.substring(rest, '^\s+'),
            pg_catalog.substring(rest, '^--[^\n]*'),
            pg_catalog.substring(rest, '^[eE]''(?:[^''\\]|''''|\\.)*'''),
            pg_catalog.substring(rest, '^''(?:[^'']|'''')*'''),
            pg_catalog.substring(rest, '^"(?:[^"]|"")*"'),
            pg_catalog.substring(rest, '^(?!\d)\w[\w$]*'),
            pg_catalog.substring(rest, '^[0-9][\w.]*'),
            pg_catalog.substring(rest, '^\$(?:(?!\d)\w+)?\$'),
            pg_catalog.substring(rest, '^::'),
            pg_catalog.substring(rest, '^/\*'),
            pg_catalog.left(rest, 1));

        if token operator(pg_catalog.=) '/*' then
            depth := 1;
            while depth operator(pg_catalog.>) 0
                  and pg_catalog.length(token) operator(pg_catalog.<) pg_catalog.length(rest)
            loop
                token := pg_catalog.left(rest, pg_catalog.length(token) operator(pg_catalog.+) coalesce(
                    pg_catalog.length(pg_catalog.substring(
                        pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1),
                        '^(?:[^*/]|\*(?!/)|/(?!\*))*(?:\*/|/\*)')),
                    pg_catalog.length(rest)));
                depth := depth operator(pg_catalog.+)
                    case pg_catalog.right(token, 2) when '/*' then 1 else -1 end;
            end loop;
        elsif token operator(pg_catalog.~) '^\$' and pg_catalog.length(token) operator(pg_catalog.>) 1 then
            -- a dollar-quoted string, up to the same tag again
            token := pg_catalog.left(rest, coalesce(
                nullif(pg_catalog.strpos(
                    pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1), token), 0)
                operator(pg_catalog.+) (2 operator(pg_catalog.*) pg_catalog.length(token))
                operator(pg_catalog.-) 1,
                pg_catalog.length(rest)));
        elsif token operator(pg_catalog.~) '^"' then
            name := pg_catalog.replace(
                pg_catalog.substr(token, 2, pg_catalog.length(token) operator(pg_catalog.-) 2),
                '""', '"');
        elsif token operator(pg_catalog.~) '^(?!\d)\w'
              and token operator(pg_catalog.!~) '''' then
            name := token;
        end if;

        rest := pg_catalog.substr(rest, pg_catalog.length(token) operator(pg_catalog.+) 1);
        if name operator(pg_catalog.=) any (i_columns)
           and before operator(pg_catalog.<>) '.'
           and before operator(pg_catalog.<>) '::'
           and rest operator(pg_catalog.!~) '^\s*[.(]'
        then
            bound := pg_catalog.concat(bound, pg_catalog.format('($1).%I', name));
        else
            bound := pg_catalog.concat(bound, token);
        end if;
        if token operator(pg_catalog.!~) '^\s' then
            before := token;
        end if;
    end loop;
    return bound;
end;
$$;
