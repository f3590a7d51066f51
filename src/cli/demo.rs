//! `switchboard demo`: the server on embedded defaults, with live sessions. What nobody configured, its database
//! and its signing key, it keeps in the data folder, so that tokens survive a restart.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::application::{self, RunOptions, THIS_PROGRAM};
use crate::config::{Config, Settings};
use crate::tokens::MIN_SECRET_BYTES;

pub(super) async fn run(mut settings: Settings) -> anyhow::Result<()> {
    let folder = Config::from_settings(&settings)?.data_dir;
    create_private(&folder).with_context(|| format!("data folder {}", folder.display()))?;
    let key = folder.join("demo-secret");
    let secret = keep_secret(&key).with_context(|| key.display().to_string())?;
    settings.set_default("jwt_secret", secret);
    settings.set_default("database_url", sqlite_url(&folder.join("demo.db")));
    // Its uploads make a step every second; the dashboard is to show them.
    settings.set_default("media_poll_ms", "1000".to_owned());
    let config = Config::from_settings(&settings)?;
    application::run(
        config,
        RunOptions {
            migrate: true,
            demo: true,
            program: THIS_PROGRAM,
        },
    )
    .await
}

/// Creates the folder for this user alone; one that exists stays as it is.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Returns the secret kept in `file`, after making one up where there is none, or half of one.
fn keep_secret(file: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(file) {
        Ok(kept) if kept.len() >= MIN_SECRET_BYTES => return Ok(kept),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random)?;
    let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(secret.as_bytes())?;
    Ok(secret)
}

/// Returns the address of an SQLite file; what means something in a URL is percent-encoded.
fn sqlite_url(file: &Path) -> String {
    let path = file.display().to_string();
    let path = path
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23");
    format!("sqlite://{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a").join("b");
        create_private(&inner).unwrap();
        let file = inner.join("demo-secret");
        let first = keep_secret(&file).unwrap();
        assert!(first.len() >= 32);
        assert_eq!(keep_secret(&file).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600
            );
            assert_eq!(
                fs::metadata(&inner).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn a_folder_with_odd_characters_still_makes_an_address() {
        assert_eq!(
            sqlite_url(Path::new("/a b/50%?#.db")),
            "sqlite:///a b/50%25%3F%23.db"
        );
    }
}
