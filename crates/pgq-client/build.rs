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
    let mut revision = Cksum::new();
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
        "static {}: Files = Files {{\n    revision: \"{}\",\n    create: &[\n{create}    ],\n    always: &[\n{always}    ],\n}};\n",
        schema.to_uppercase(),
        revision.text()
    )
    .expect("a string grows");
}

/// POSIX `cksum`: tells whether an installation was made from the same files, nothing more. `sql/package`, which has only
/// a shell, comes to the same.
struct Cksum {
    crc: u32,
    length: u64,
}

impl Cksum {
    fn new() -> Cksum {
        Cksum { crc: 0, length: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.crc = shifted(self.crc, *byte));
        self.length += bytes.len() as u64;
    }

    fn text(&self) -> String {
        let bytes = self.length.to_le_bytes();
        let used = bytes.len() - self.length.leading_zeros() as usize / 8;
        let crc = bytes[..used].iter().fold(self.crc, |crc, byte| shifted(crc, *byte));
        format!("{}-{}", !crc, self.length)
    }
}

fn shifted(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
        if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
    })
}
