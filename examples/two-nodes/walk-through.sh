#!/bin/sh
# Two nodes, from nothing to proof. Run it in the folder with the three ini files; the database `shop` exists on both
# servers, with the same tables. Every line is one an operator types.
set -eux
mkdir -p log pid

# The nodes. The connect strings are those by which other nodes reach this one.
londiste src.ini create-root src "$SRC"
londiste dst.ini create-leaf dst "$DST" --provider="$SRC"

# The daemons.
pgqd -d pgqd.ini
londiste -d src.ini worker
londiste -d dst.ini worker

# What is replicated: first on the root, then on the leaf, which copies the rows that are there.
londiste src.ini add-table --all
londiste src.ini add-seq --all
londiste dst.ini add-table --all
londiste dst.ini add-seq --all
londiste dst.ini wait-sync

# How it goes, and the proof.
londiste src.ini status
londiste dst.ini compare

# The daemons are told to stop; each ends after what it is doing.
londiste -s dst.ini
londiste -s src.ini
pgqd -s pgqd.ini
