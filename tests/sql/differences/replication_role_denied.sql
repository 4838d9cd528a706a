-- from PostgreSQL 15 on: before, the right cannot be granted
-- Whose right to set session_replication_role is missing, and who has to do what about it.
create role "Plain owner";
grant usage, create on schema londiste to "Plain owner";
alter function londiste.set_session_replication_role(text, boolean) owner to "Plain owner";
select londiste.set_session_replication_role('replica', true);
select londiste.set_session_replication_role('nonsense', true);
grant set on parameter session_replication_role to "Plain owner";
begin;
select londiste.set_session_replication_role('replica', true);
show session_replication_role;
commit;
alter function londiste.set_session_replication_role(text, boolean) owner to postgres;
revoke set on parameter session_replication_role from "Plain owner";
drop owned by "Plain owner";
drop role "Plain owner";
