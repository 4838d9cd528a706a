//! The tables of one queue as `londiste.get_table_list` reports them.
