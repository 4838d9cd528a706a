//! The help text, made from the list of commands and the table of options (contract `cli.md` 1.6).

use super::options::{Group as OptionGroup, Kind, OPTIONS, Opt, Scope};
use crate::command::entry::Group;
use crate::command::list::LIST;

/// Column where descriptions begin.
const INDENT: usize = 24;

/// The first line of the help text and of complaints about the command line.
pub fn usage(program: &str) -> String {
    format!("Usage: {program} [options] INI CMD [subcmd args]")
}

/// The whole text.
pub fn help(program: &str) -> String {
    let mut text = usage(program);
    text.push('\n');
    for group in Group::ALL {
        text.push_str(&format!("\n{}:\n", group.heading()));
        for entry in LIST.iter().filter(|entry| entry.group == group) {
            entry_lines(&mut text, 2, &format!("{} {}", entry.text, entry.synopsis), entry.help);
        }
    }
    let mut last: Option<OptionGroup> = None;
    for option in OPTIONS.iter().filter(|option| option.scope != Scope::Inner) {
        if last != Some(option.group) {
            let indent = if option.group == OptionGroup::General { "" } else { "  " };
            text.push_str(&format!("\n{indent}{}:\n", option.group.heading()));
            last = Some(option.group);
        }
        let indent = if option.group == OptionGroup::General { 2 } else { 4 };
        entry_lines(&mut text, indent, &spelling(option), option.help);
    }
    text
}

/// `-q, --quiet`, `--set=KEY=VALUE`
pub(super) fn spelling(option: &Opt) -> String {
    let short = option.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    let value = match option.kind {
        Kind::Flag | Kind::Count => String::new(),
        Kind::Value(name) | Kind::List(name) | Kind::Number(name) => format!("={name}"),
    };
    format!("{short}--{}{value}", option.long)
}

/// A name and its description: on one line where the name leaves room, else the description below it.
fn entry_lines(text: &mut String, indent: usize, name: &str, help: &str) {
    let name = format!("{:indent$}{}", "", name.trim_end());
    if name.len() + 2 <= INDENT {
        text.push_str(&format!("{name:INDENT$}{help}\n"));
    } else {
        text.push_str(&format!("{name}\n{:INDENT$}{help}\n", ""));
    }
}
