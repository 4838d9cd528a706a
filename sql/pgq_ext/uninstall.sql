-- Removes the schema and with it what consumers have noted as done.
drop schema if exists pgq_ext cascade;
