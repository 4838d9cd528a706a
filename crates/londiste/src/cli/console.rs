//! Standard output: what commands answer, as opposed to what they log. The only place that writes to it.

use std::io;

/// Writes a line (or several) to stdout.
pub fn say(text: &str) {
    write(&mut io::stdout().lock(), text);
}

/// Writes a line to stderr: for mistakes found before there is a log.
pub fn complain(text: &str) {
    write(&mut io::stderr().lock(), text);
}

fn write(to: &mut dyn io::Write, text: &str) {
    // Nobody reads any more (`londiste x.ini status | head -1`): that is no reason to fail.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}
