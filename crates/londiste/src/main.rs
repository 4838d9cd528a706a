//! The `londiste` command.

fn main() -> std::process::ExitCode {
    londiste::cli::main()
}
