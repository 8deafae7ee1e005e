//! The order of imports: which module of `src/` may import which. `docs/architecture.md` explains
//! the order.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules that it may import, in addition to itself and `error`. An entry may
/// name earlier entries only.
const MAY_IMPORT: [(&str, &[&str]); 14] = [
    ("error", &[]),
    ("console", &[]),
    ("files", &["console"]),
    ("random", &[]),
    ("tensor", &["random"]),
    ("backend", &["random", "tensor"]),
    ("model", &["random", "tensor", "backend"]),
    ("circuit", &["random", "tensor", "backend", "model"]),
    ("bridge", &["random", "tensor", "backend", "model", "circuit"]),
    ("tokenizer", &[]),
    ("tasks", &["random", "tokenizer"]),
    ("format", &["files", "tensor", "backend", "model", "circuit", "bridge"]),
    (
        "train",
        &[
            "console",
            "files",
            "random",
            "tensor",
            "backend",
            "model",
            "circuit",
            "bridge",
            "tokenizer",
            "tasks",
            "format",
        ],
    ),
    ("web", &["tensor", "backend", "model", "circuit", "bridge", "tokenizer", "tasks", "format"]),
];

/// Modules that may import everything: the command line is the last one.
const TOP: [&str; 3] = ["cli", "bin", "lib"];

/// The modules that a source file imports, with the line of each: the first name after every `crate::` outside comments.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let names = &code[at + "crate::".len()..];
            // `use crate::{model, tensor}` imports several modules
            let list = match names.strip_prefix('{') {
                Some(braced) => top_level_names(braced),
                None => vec![names],
            };
            for name in list {
                let module: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !module.is_empty() {
                    found.push((number + 1, module));
                }
            }
        }
    }
    found
}

/// Splits `a, b::{c, d}, e}` at the commas outside inner braces.
fn top_level_names(braced: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in braced.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&braced[start..at]);
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&braced[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names.push(&braced[start..]);
    names
}

/// The imports of a file that the table does not allow. `path` is relative to `src/`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let own = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    if TOP.contains(&own) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == own) else {
        return vec![format!("src/{path}: the module `{own}` is missing from the table of this test")];
    };
    imports(text)
        .into_iter()
        .filter(|(_, module)| module != own && module != "error" && !allowed.contains(&module.as_str()))
        .filter(|(_, module)| TOP.contains(&module.as_str()) || MAY_IMPORT.iter().any(|(known, _)| known == module))
        .map(|(line, module)| format!("src/{path}:{line}: `{own}` imports `{module}`"))
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_go_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 100, "only {} files found", files.len());
    let wrong: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
            violations(&name, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_backward_import() {
    for (at, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        for import in *allowed {
            let from = MAY_IMPORT.iter().position(|(known, _)| known == import);
            assert!(
                from.is_some_and(|from| from < at),
                "{module} may import {import}, which comes later or is unknown"
            );
        }
    }
}

#[test]
fn a_forbidden_import_is_found() {
    assert_eq!(violations("backend/cpu/norm.rs", "use crate::model::Config;\n").len(), 1);
    assert_eq!(violations("tensor/mod.rs", "use crate::{Result, bail, circuit::{Edits, Mode}};\n").len(), 1);
    assert_eq!(violations("circuit/run.rs", "let x = crate::format::read();\n").len(), 1);
    assert_eq!(
        violations("backend/mod.rs", "//! See [`crate::model`].\nuse crate::tensor::Matrix;\n"),
        Vec::<String>::new()
    );
    assert_eq!(violations("novel/mod.rs", "").len(), 1);
}
