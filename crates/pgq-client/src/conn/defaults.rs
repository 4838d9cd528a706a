//! What libpq adds to a connection string: `PG*` variables, service file, `.pgpass`, socket directory, user name.
