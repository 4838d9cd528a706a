# The commands of README.md and CONTRIBUTING.md. Each does its own set-up.

.PHONY: setup demo sql install-extensions test test-matrix differential differential-replay mixed bench check

# PostgreSQL, a linker, and the reference that the tests compare ours with.
setup:
	scripts/setup --reference

# The whole job on throw-away clusters; DEMO_ARGS=--keep leaves everything running.
demo:
	scripts/setup
	cargo build --release --bins
	cargo run --release --quiet --package system-tests --bin demo -- $(DEMO_ARGS)

# The schemas for psql alone, and as extensions; see docs/install.md.
sql:
	sql/package target/sql

# PG_CONFIG names the server whose folder of extensions they go to.
PG_CONFIG ?= pg_config
install-extensions: sql
	install -d "$(DESTDIR)$$($(PG_CONFIG) --sharedir)/extension"
	install -m 644 target/sql/extension/* "$(DESTDIR)$$($(PG_CONFIG) --sharedir)/extension"

# Scenarios spend most of their time waiting (the original's pauses are seconds), so more run than there are cores.
TEST_THREADS ?= 6

# The scenarios look for our programs in target/debug, so these are built first. Stories between two servers are for
# test-matrix, which gets the servers.
test: setup
	cargo build --workspace --bins
	cargo test --workspace -- --test-threads=$(TEST_THREADS) --skip cross_version::

# The tests that need a server on every major version we support, or on PGBINS: versions, or folders with a server's
# programs. TESTS="sql_ replay::" chooses among the tests.
test-matrix: setup
	TESTS="$(TESTS)" TEST_THREADS=$(TEST_THREADS) scripts/matrix $(PGBINS)

# Random scripts on the reference's extensions and on our schemas, for as long as there is time.
SECONDS ?= 1800
differential:
	LONDISTE_TEST_DIFFERENTIAL_SECONDS=$(SECONDS) \
	    cargo test --package system-tests --test scenarios differential:: -- --nocapture

# Random changes of random tables, replayed by set and row by row, and by ours and the reference's worker.
differential-replay:
	cargo build --workspace --bins
	LONDISTE_TEST_REPLAY_SECONDS=$$(($(SECONDS) / 2)) \
	    cargo test --package londiste --lib sets_and_rows:: -- --nocapture
	LONDISTE_TEST_REPLAY_SECONDS=$$(($(SECONDS) / 2)) \
	    cargo test --package system-tests --test scenarios replay_differential:: -- --nocapture

# One cascade with root, branch, leaf and ticker by the original or by us, in all sixteen casts, each handed over to the
# other; the suite has five of them.
mixed: setup
	cargo build --workspace --bins
	LONDISTE_TEST_MIXED=all cargo test --package system-tests --test scenarios mixed:: -- --nocapture

# Measurements beside the original and logical replication, see docs/performance.md: bench-capture, bench-replay and so on,
# or all of them, which takes hours.
bench: $(addprefix bench-,capture replay copy latency memory idle)
bench-%:
	scripts/setup --reference
	cargo build --release --bins
	cargo run --release --quiet --package bench -- $* --json target/bench-$*.json $(BENCH_ARGS)

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet
