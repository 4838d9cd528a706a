//! What is known of a command before it runs.

use crate::cli::options::Component;
use crate::job::UsageError;

/// A command's name as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the commands, which LIST describes")]
pub enum Name {
    AddSeq,
    AddTable,
    ChangeHandler,
    ChangeProvider,
    Check,
    Compare,
    Copy,
    CreateBranch,
    CreateLeaf,
    CreateRoot,
    DropNode,
    Execute,
    Fkeys,
    Grants,
    Members,
    Missing,
    NodeInfo,
    NodeStatus,
    Pause,
    RemoveSeq,
    RemoveTable,
    RenameNode,
    Repair,
    Resume,
    Resurrect,
    Resync,
    Seqs,
    ShowHandlers,
    Status,
    Tables,
    TagAlive,
    TagDead,
    Takeover,
    Triggers,
    WaitProvider,
    WaitRoot,
    WaitSync,
    Worker,
}

/// Which pidfile keeps a command from running twice (contract `cli.md` 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// None: it only looks.
    Free,
    /// The configured one.
    Worker,
    /// With `.copy.TABLE`.
    Copy,
    /// With `.admin`.
    Admin,
    /// With `.repair`.
    Repair,
}

/// What an operator's interrupt does to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// It is dropped where it stands; its open transaction is rolled back.
    AtOnce,
    /// It looks itself, at places where it may stop: between batches, in waits, before the next step.
    AtItsOwnPlaces,
}

/// Heading in the help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the heading says it")]
pub enum Group {
    Initialization,
    NodeAdministration,
    Layout,
    Daemon,
    Administration,
    Extra,
    Internal,
}

impl Group {
    /// In the order of the help text.
    pub const ALL: [Group; 7] = [
        Group::Initialization,
        Group::NodeAdministration,
        Group::Layout,
        Group::Daemon,
        Group::Administration,
        Group::Extra,
        Group::Internal,
    ];

    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Initialization => "Node initialization",
            Group::NodeAdministration => "Node administration",
            Group::Layout => "Cascade layout change",
            Group::Daemon => "Replication daemon",
            Group::Administration => "Replication administration",
            Group::Extra => "Replication extra",
            Group::Internal => "Internal",
        }
    }
}

/// What is known of a command before it runs.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// As a type.
    pub name: Name,
    /// As typed.
    pub text: &'static str,
    /// Whose options it takes.
    pub component: Component,
    /// Pidfile.
    pub lock: Lock,
    /// What an interrupt does.
    pub interrupt: Interrupt,
    /// Names of its arguments when their number is fixed.
    pub arity: Option<&'static [&'static str]>,
    /// Where the help text lists it.
    pub group: Group,
    /// What follows the name in the help text.
    pub synopsis: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
}

impl Entry {
    /// Whether the number of arguments is right.
    pub fn check_arity(&self, args: &[String]) -> Result<(), UsageError> {
        let Some(names) = self.arity.filter(|names| names.len() != args.len()) else {
            return Ok(());
        };
        let expected = if names.is_empty() {
            "0".to_owned()
        } else {
            format!("{}: {}", names.len(), names.join(" "))
        };
        let usage = format!("{} {}", self.text, self.synopsis);
        Err(UsageError(format!(
            "command '{}' got {} args, but expects {expected}\nHINT:  londiste INI {}",
            self.text,
            args.len(),
            usage.trim_end()
        )))
    }
}
