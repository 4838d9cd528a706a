//! A copy of the server's programs whose folder of extensions is a test's own.
//!
//! PostgreSQL finds its files relative to its executable. So a copy of that one file, beside links to everything else,
//! is an installation in which extensions can be put and replaced without touching the machine's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Cluster, Database, folder};

/// The schemas whose extensions are a test's own here.
const OWN: [&str; 4] = ["pgq", "pgq_ext", "pgq_node", "londiste"];

/// The private copy.
#[derive(Debug)]
pub struct Installation {
    bin: PathBuf,
    extensions: PathBuf,
}

impl Installation {
    /// Copies what the shared cluster runs on; of the four schemas no extension is there yet.
    ///
    /// # Panics
    /// When the server's files cannot be read.
    #[track_caller]
    pub fn copy() -> Self {
        let db = Cluster::shared().create_database("where");
        let place = |name: &str| -> PathBuf {
            db.text(&format!("select setting from pg_config where name = '{name}'")).into()
        };
        let (bin, share) = (place("BINDIR"), place("SHAREDIR"));
        let root = bin
            .ancestors()
            .find(|folder| share.starts_with(folder))
            .expect("every path is below the root folder");
        let to = folder::fresh("installation");
        let inside =
            |path: &Path| to.join(path.strip_prefix(root).expect("chosen as its ancestor"));

        fs::create_dir_all(inside(&bin)).expect("own folder");
        for program in ["postgres", "pg_ctl", "initdb"] {
            fs::copy(bin.join(program), inside(&bin).join(program))
                .unwrap_or_else(|e| panic!("{}: {e}", bin.join(program).display()));
        }
        link_all(&share, &inside(&share), |name| name != "extension");
        let extensions = inside(&share).join("extension");
        link_all(&share.join("extension"), &extensions, |name| !is_own(name));
        for libraries in [place("LIBDIR"), place("PKGLIBDIR")] {
            let link = if libraries.starts_with(root) { inside(&libraries) } else { continue };
            if !fs::exists(&link).expect("own folder") {
                let parent = link.parent().expect("below our own folder");
                fs::create_dir_all(parent).expect("own folder");
                symlink(&libraries, &link).expect("own folder");
            }
        }
        Self { bin: inside(&bin), extensions }
    }

    /// Puts the extensions of the four schemas that lie in `from` in the place of those that were there before; a
    /// running server takes notice at once.
    ///
    /// # Panics
    /// When the folder cannot be read.
    #[track_caller]
    pub fn put_extensions(&self, from: &Path) {
        for old in names(&self.extensions).into_iter().filter(|name| is_own(name)) {
            fs::remove_file(self.extensions.join(old)).expect("own folder");
        }
        for name in names(from).into_iter().filter(|name| is_own(name)) {
            fs::copy(from.join(&name), self.extensions.join(&name)).expect("own folder");
        }
    }

    /// A new cluster run by this installation.
    #[track_caller]
    pub fn start_cluster(&self) -> Cluster {
        Cluster::start_with(&self.bin)
    }
}

/// The folder of extensions of the server that tests use, where the reference's are if they are installed.
#[track_caller]
pub fn machines_extensions(db: &Database) -> PathBuf {
    let share = db.text("select setting from pg_config where name = 'SHAREDIR'");
    PathBuf::from(share).join("extension")
}

/// Is this a file of one of the four extensions?
fn is_own(file: &str) -> bool {
    OWN.iter().any(|name| {
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with("--") || rest == ".control")
    })
}

/// Links to the files of one folder in another, which is made.
fn link_all(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) {
    fs::create_dir_all(to).expect("own folder");
    for name in names(from).into_iter().filter(|name| wanted(name)) {
        symlink(from.join(&name), to.join(&name)).expect("own folder");
    }
}

#[track_caller]
fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned())
        .collect()
}
