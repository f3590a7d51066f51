//! Everything that the fuzz targets have ever tried and found worth keeping, once more.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The entries of a directory, sorted.
fn entries(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_corpus_entry_is_decoded_without_a_panic() {
    let mut broken = Vec::new();
    for (name, _) in fuzz::TARGETS {
        for path in entries(&corpus().join(name)) {
            let input = fs::read(&path).unwrap();
            if catch_unwind(|| fuzz::run(name, &input)).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "a promise is broken by {broken:?}");
}

#[test]
fn every_fuzz_target_has_a_corpus_and_a_binary() {
    let named: BTreeSet<PathBuf> = fuzz::TARGETS.iter().map(|(name, _)| name.into()).collect();
    let names = |directory: &str| -> BTreeSet<PathBuf> {
        let paths = entries(&corpus().join(directory)).into_iter();
        paths.map(|path| path.file_stem().unwrap().into()).collect()
    };
    assert_eq!(names("."), named, "fuzz/corpus");
    assert_eq!(names("../fuzz_targets"), named, "fuzz/fuzz_targets");
}
