//! README.md says where each group of the list is tested; what it says must be so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::row::Row;
use crate::{
    attachments, claims, connects, deadlines, events, frames, handshakes, logs, origins, packets,
    polling, recoveries, requests, rooms, tokens, upgrades,
};

/// How many groups the list has.
const GROUPS: u8 = 81;

/// Each file with rows, and the groups that they are of.
fn tables() -> Vec<(&'static str, BTreeSet<u8>)> {
    let groups = |rows: Vec<Row>| rows.iter().map(|row| row.group).collect();
    vec![
        ("attachments.rs", groups(attachments::rows())),
        ("claims.rs", groups(claims::rows())),
        ("connects.rs", groups(connects::rows())),
        (
            "deadlines.rs",
            groups(
                [deadlines::rows(), deadlines::of_silence()]
                    .into_iter()
                    .flatten()
                    .collect(),
            ),
        ),
        ("events.rs", groups(events::rows())),
        ("frames.rs", groups(frames::rows())),
        ("handshakes.rs", groups(handshakes::rows())),
        ("logs.rs", groups(logs::rows())),
        ("origins.rs", groups(origins::rows())),
        ("packets.rs", groups(packets::rows())),
        ("polling.rs", groups(polling::rows())),
        ("recoveries.rs", groups(recoveries::rows())),
        ("requests.rs", groups(requests::rows())),
        ("rooms.rs", groups(rooms::rows())),
        ("tokens.rs", groups(tokens::rows())),
        ("upgrades.rs", groups(upgrades::rows())),
    ]
}

/// Every Rust file below `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            Some(extension) if extension == "rs" => found.push(path),
            None if path.is_dir() => sources(&path, found),
            _ => {}
        }
    }
}

/// What stands between two backticks.
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_group_of_the_list_is_where_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("tests/hostile/README.md")).unwrap();
    let mut files = Vec::new();
    for folder in ["src", "actors", "protocol", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    let code: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let tables = tables();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let group: u8 = cells.next()?.trim().parse().ok()?;
        Some((group, cells.nth(1).expect("three columns")))
    });
    let rows: Vec<(u8, &str)> = rows.collect();
    let groups: Vec<u8> = rows.iter().map(|(group, _)| *group).collect();
    assert_eq!(groups, (1..=GROUPS).collect::<Vec<_>>());
    for (group, place) in rows {
        let names = named(place);
        assert!(
            !names.is_empty() || place.contains("not built yet: "),
            "{group}: {place}"
        );
        let said: BTreeSet<_> = names
            .iter()
            .copied()
            .filter(|name| name.ends_with(".rs"))
            .collect();
        let found = tables.iter().filter(|(_, groups)| groups.contains(&group));
        assert_eq!(
            said,
            found.map(|(file, _)| *file).collect(),
            "files with rows of group {group}"
        );
        for name in names.iter().filter(|name| !name.ends_with(".rs")) {
            assert!(
                code.contains(&format!("fn {name}(")),
                "{group}: no test is called {name}"
            );
        }
    }
}
