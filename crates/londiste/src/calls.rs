//! Schema `londiste`: one async function per SQL function (contract `londiste-sql.md`).
