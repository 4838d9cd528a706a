-- Schema londiste: which tables and sequences a node replicates, and how far each has come.
-- Needs the schemas pgq and pgq_node.

create schema londiste;

-- Tables of a queue. A row with `local` false only says that the set has such a table.
create table londiste.table_info (
    nr              serial not null,
    queue_name      text not null,
    table_name      text not null,
    local           boolean not null default false,
    -- null (copy not begun), in-copy, catching-up, wanna-sync:<tick>, do-sync:<tick>, ok
    merge_state     text,
    -- until the worker is past this snapshot, it skips the events the copy contained
    custom_snapshot text,
    -- indexes and the like, put away for the time of the copy
    dropped_ddl     text,
    -- options of the table's handler, urlencoded
    table_attrs     text,
    -- the table it is written to, where that has another name
    dest_table      text,

    constraint table_info_pkey primary key (queue_name, table_name),
    constraint table_info_queue_name_fkey foreign key (queue_name)
        references pgq_node.node_info (queue_name) on delete cascade,
    -- only during the copy may a table be without its indexes
    constraint table_info_check check (
        dropped_ddl is null or merge_state in ('in-copy', 'catching-up'))
);

-- Sequences of a queue with the value last published: always ahead of the real one.
create table londiste.seq_info (
    nr              serial not null,
    queue_name      text not null,
    seq_name        text not null,
    local           boolean not null default false,
    last_value      int8 not null,

    constraint seq_info_pkey primary key (queue_name, seq_name),
    constraint seq_info_queue_name_fkey foreign key (queue_name)
        references pgq_node.node_info (queue_name) on delete cascade
);

-- Scripts that ran through EXECUTE. By file name alone: a script that reaches a database over two
-- queues runs there once.
create table londiste.applied_execute (
    queue_name      text not null,
    execute_file    text not null,
    execute_time    timestamptz not null default now(),
    execute_sql     text not null,
    execute_attrs   text,

    constraint applied_execute_pkey primary key (execute_file)
);

-- Foreign keys taken off, to be put back when the tables on both sides are in sync.
create table londiste.pending_fkeys (
    from_table      text not null,
    to_table        text not null,
    fkey_name       text not null,
    fkey_def        text not null,

    constraint pending_fkeys_pkey primary key (from_table, fkey_name)
);
