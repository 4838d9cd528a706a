//! `londiste.table_info.table_attrs`: the options a table was added with, url-encoded (contract `handlers.md` 1.4).
