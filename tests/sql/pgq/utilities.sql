-- quote_fqname, seq_getval, seq_setval.
\set VERBOSITY terse
select n, pgq.quote_fqname(n)
  from unnest(array['a.b', 'a.b.c', 'a', '', 'A.b', 'a."b"', 'select.from', '.x', 'x.', 'é.ü',
                    null]) n;
create sequence s1;
create schema "Odd";
create sequence "Odd"."Seq";
select pgq.seq_getval('s1'), pgq.seq_getval('public.s1'), pgq.seq_getval('Odd.Seq');
select pgq.seq_getval(null);
select pgq.seq_getval('nope');
select pgq.seq_getval('nope.nope');
select pgq.seq_setval('s1', 1);
select pgq.seq_setval('s1', 10), pgq.seq_getval('s1');
select pgq.seq_setval('s1', 5), pgq.seq_getval('s1');
select pgq.seq_setval('Odd.Seq', 7), nextval('"Odd"."Seq"');
select pgq.seq_setval('s1', null);
select pgq.seq_setval('s1', -5);
