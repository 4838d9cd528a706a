-- The queue tables. Run once, when schema pgq does not exist yet; later versions change them in
-- pgq.upgrade_schema(). Event tables are made per queue, by pgq.create_queue().

create schema pgq;

-- Everybody who reads from at least one queue.
create table pgq.consumer (
    co_id       serial,
    co_name     text not null,
    constraint consumer_pkey primary key (co_id),
    constraint consumer_name_uq unique (co_name)
);

-- One row per queue: its settings, and where its events and sequences are.
--
-- Rotation empties the oldest event table in two transactions: step1 makes the next table the
-- current one, step2, in a later transaction, notes from which transaction on nobody can still be
-- writing to the previous table. Until step2 is known readers look at both.
create table pgq.queue (
    queue_id                    serial,
    queue_name                  text not null,

    queue_ntables               integer not null default 3,
    queue_cur_table             integer not null default 0,
    queue_rotation_period       interval not null default '2 hours',
    queue_switch_step1          bigint not null default pg_catalog.txid_current(),
    queue_switch_step2          bigint default pg_catalog.txid_current(),
    queue_switch_time           timestamptz not null default pg_catalog.now(),

    queue_external_ticker       boolean not null default false,
    queue_disable_insert        boolean not null default false,
    queue_ticker_paused         boolean not null default false,

    queue_ticker_max_count      integer not null default 500,
    queue_ticker_max_lag        interval not null default '3 seconds',
    queue_ticker_idle_period    interval not null default '1 minute',
    queue_per_tx_limit          integer,

    queue_data_pfx              text not null,
    queue_event_seq             text not null,
    queue_tick_seq              text not null,

    queue_extra_maint           text[],

    constraint queue_pkey primary key (queue_id),
    constraint queue_name_uq unique (queue_name)
);

-- A tick: which transactions had ended at one moment. Two ticks bound a batch.
create table pgq.tick (
    tick_queue      integer not null,
    tick_id         bigint not null,
    tick_time       timestamptz not null default pg_catalog.now(),
    tick_snapshot   txid_snapshot not null default pg_catalog.txid_current_snapshot(),
    tick_event_seq  bigint not null,
    constraint tick_pkey primary key (tick_queue, tick_id),
    constraint tick_queue_fkey foreign key (tick_queue) references pgq.queue (queue_id)
);

-- Batch ids are unique in the database, not only in a queue.
create sequence pgq.batch_id_seq;

-- The position of a consumer on a queue. sub_batch and sub_next_tick are set while a batch is
-- being worked on. Cooperative consumers keep several rows with one sub_id, some of them without
-- a position.
create table pgq.subscription (
    sub_id          serial not null,
    sub_queue       integer not null,
    sub_consumer    integer not null,
    sub_last_tick   bigint,
    sub_active      timestamptz not null default pg_catalog.now(),
    sub_batch       bigint,
    sub_next_tick   bigint,
    constraint subscription_pkey primary key (sub_queue, sub_consumer),
    constraint subscription_batch_idx unique (sub_batch),
    constraint sub_queue_fkey foreign key (sub_queue) references pgq.queue (queue_id),
    constraint sub_consumer_fkey foreign key (sub_consumer) references pgq.consumer (co_id)
);

-- What every event table looks like. Its grants are copied to the event tables.
-- ev_owner is set on events that come back from the retry queue: only that sub_id gets them.
create table pgq.event_template (
    ev_id       bigint not null,
    ev_time     timestamptz not null,
    ev_txid     bigint not null default pg_catalog.txid_current(),
    ev_owner    integer,
    ev_retry    integer,
    ev_type     text,
    ev_data     text,
    ev_extra1   text,
    ev_extra2   text,
    ev_extra3   text,
    ev_extra4   text
);

-- Events put aside by a consumer until ev_retry_after.
create table pgq.retry_queue (
    ev_retry_after  timestamptz not null,
    ev_queue        integer not null,

    ev_id           bigint not null,
    ev_time         timestamptz not null,
    ev_txid         bigint,
    ev_owner        integer not null,
    ev_retry        integer,
    ev_type         text,
    ev_data         text,
    ev_extra1       text,
    ev_extra2       text,
    ev_extra3       text,
    ev_extra4       text,

    constraint rq_pkey primary key (ev_owner, ev_id),
    constraint rq_queue_id_fkey foreign key (ev_queue) references pgq.queue (queue_id)
);

create index rq_retry_idx on pgq.retry_queue (ev_retry_after);
