//! Embeds the schemas of `sql/`: every `install.list` becomes a static list of file contents.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const SCHEMAS: [&str; 4] = ["pgq", "pgq_ext", "pgq_node", "londiste"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("sql");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("schemas.rs");
    let mut code = String::new();
    for schema in SCHEMAS {
        embed(&root.join(schema), schema, &mut code);
    }
    println!("cargo::rerun-if-changed=sql");
    fs::write(out, code).expect("OUT_DIR is ours");
}

/// Writes `static PGQ: Files = Files { ... };` for one folder.
fn embed(folder: &Path, schema: &str, code: &mut String) {
    let list_file = folder.join("install.list");
    let list =
        fs::read_to_string(&list_file).unwrap_or_else(|e| panic!("{}: {e}", list_file.display()));
    println!("cargo::rerun-if-changed={}", list_file.display());
    let (mut create, mut always) = (String::new(), String::new());
    let mut section = None;
    let mut revision = Fnv::new();
    for line in
        list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line {
            "[create]" => section = Some(&mut create),
            "[always]" => section = Some(&mut always),
            file => {
                let files = section.as_mut().unwrap_or_else(|| {
                    panic!("{}: {file} stands before a section", list_file.display())
                });
                let path = folder.join(file);
                let text = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                println!("cargo::rerun-if-changed={}", path.display());
                revision.add(&text);
                writeln!(
                    files,
                    "        (\"{file}\", include_str!({:?})),",
                    path.display().to_string()
                )
                .expect("a string grows");
            }
        }
    }
    write!(
        code,
        "static {}: Files = Files {{\n    revision: \"{:016x}\",\n    create: &[\n{create}    ],\n    always: &[\n{always}    ],\n}};\n",
        schema.to_uppercase(),
        revision.0
    )
    .expect("a string grows");
}

/// FNV-1a: tells whether an installation was made from the same files, nothing more.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
