//! The `bench` command: side-by-side measurements on throw-away clusters.

fn main() -> std::process::ExitCode {
    bench::main()
}
