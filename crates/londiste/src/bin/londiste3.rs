//! The `londiste` command under the name it had in Londiste 3.0.

fn main() -> std::process::ExitCode {
    londiste::cli::main()
}
