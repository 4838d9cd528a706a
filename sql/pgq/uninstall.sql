-- Removes the queues with all their events, and every trigger that feeds them. The roles stay:
-- other databases of the server may use them.
drop schema if exists pgq cascade;
