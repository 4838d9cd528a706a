//! The `pgqd` command.

fn main() -> std::process::ExitCode {
    pgqd::main()
}
