//! The table in tests/PROMISES.md names tests; each must be there.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below `folder` whose name ends in one of these.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name != "node_modules" && name != ".venv" => sources(&path, found),
            false if name.ends_with(".rs") || name.ends_with(".js") => found.push(path),
            _ => {}
        }
    }
}

/// What stands between two of `mark`, in every row of a table.
fn named(table: &str, mark: char) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| L"));
    let cells = rows.filter_map(|row| row.split(" | ").nth(2));
    cells
        .flat_map(|cell| cell.split(mark).skip(1).step_by(2))
        .collect()
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("tests/PROMISES.md")).unwrap();
    let mut files = Vec::new();
    for folder in ["src", "actors", "protocol", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    files.retain(|file| !file.ends_with("tests/it/promises.rs"));
    let code: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let (functions, titles) = (named(&table, '`'), named(&table, '"'));
    assert!(functions.len() > 30 && titles.len() > 5);
    for function in functions {
        assert!(code.contains(&format!("fn {function}(")), "{function}");
    }
    for title in titles {
        let quoted = title.replace('\'', "\\'");
        assert!(code.contains(&format!("test('{quoted}'")), "{title}");
    }
}
