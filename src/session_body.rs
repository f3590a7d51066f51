//! Sessions as JSON, as they are taken over REST and over MQTT: checked field by field, then made into what the
//! store takes.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer};
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use utoipa::ToSchema;

use crate::json_object::Object;
use crate::store::{
    Channel, NewSession, PasswordHash, SessionChange, Store, StoreError, Visibility,
};

/// The longest name, in characters.
pub(crate) const MAX_NAME: usize = 200;
/// The longest language tag, in characters.
const MAX_LANGUAGE: usize = 64;
/// The longest password, in bytes.
pub(crate) const MAX_PASSWORD: usize = 256;
/// Channels of one session.
const MAX_CHANNELS: usize = 64;
/// The largest channel index.
const MAX_CHANNEL_INDEX: u16 = 999;

/// What is wrong with a body that has the right form. Names the rule, repeats nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(pub(crate) String);

/// A session to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateSession {
    /// Its id; a random one if absent.
    #[schema(value_type = Option<String>, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    pub(crate) id: Option<SessionId>,
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: String,
    #[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    pub(crate) organization_id: OrganizationId,
    pub(crate) visibility: Visibility,
    /// The user who may join a private session without being a member.
    #[schema(value_type = Option<String>, max_length = 256)]
    pub(crate) owner: Option<UserId>,
    /// What guests must know to get a token.
    #[schema(min_length = 1, max_length = 256)]
    pub(crate) password: Option<String>,
    /// Whether finals are kept even while nobody is in its rooms.
    #[serde(default)]
    pub(crate) record: bool,
    /// Indexes are unique.
    #[schema(value_type = Vec<Channel>, max_items = 64)]
    pub(crate) channels: Vec<Object<Channel>>,
}

impl CreateSession {
    /// Checks what types cannot say.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, MAX_NAME)?;
        check_password(self.password.as_deref())?;
        check_channels(&self.channels)
    }

    /// The session to create under `id`, its password hashed.
    pub(crate) async fn into_new(
        self,
        id: SessionId,
        store: &Store,
    ) -> Result<NewSession, StoreError> {
        Ok(NewSession {
            id,
            name: self.name,
            organization: self.organization_id,
            visibility: self.visibility,
            owner: self.owner,
            password: hashed(self.password, store).await?,
            record: self.record,
            channels: bare(self.channels),
        })
    }
}

/// What to change: absent fields stay, `owner` and `password` can be cleared by `null`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchSession {
    /// If given, it is the session's.
    #[schema(value_type = Option<String>)]
    pub(crate) id: Option<SessionId>,
    #[schema(min_length = 1, max_length = 200)]
    pub(crate) name: Option<String>,
    pub(crate) visibility: Option<Visibility>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 256)]
    pub(crate) owner: Option<Option<UserId>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub(crate) password: Option<Option<String>>,
    pub(crate) record: Option<bool>,
    /// The whole new list.
    #[schema(value_type = Option<Vec<Channel>>, max_items = 64)]
    pub(crate) channels: Option<Vec<Object<Channel>>>,
}

impl PatchSession {
    /// Checks what types cannot say, for the session `id`.
    pub(crate) fn check(&self, id: &SessionId) -> Result<(), Invalid> {
        check_same(self.id.as_ref(), id)?;
        if let Some(name) = &self.name {
            check_text("name", name, MAX_NAME)?;
        }
        check_password(self.password.as_ref().and_then(Option::as_deref))?;
        check_channels(self.channels.as_deref().unwrap_or_default())
    }

    /// The change to make, its password hashed.
    pub(crate) async fn into_change(self, store: &Store) -> Result<SessionChange, StoreError> {
        let password = match self.password {
            Some(password) => Some(hashed(password, store).await?),
            None => None,
        };
        Ok(SessionChange {
            name: self.name,
            visibility: self.visibility,
            owner: self.owner,
            password,
            record: self.record,
            channels: self.channels.map(bare),
        })
    }
}

fn bare(channels: Vec<Object<Channel>>) -> Vec<Channel> {
    channels
        .into_iter()
        .map(|Object(channel)| channel)
        .collect()
}

async fn hashed(
    password: Option<String>,
    store: &Store,
) -> Result<Option<PasswordHash>, StoreError> {
    match password {
        Some(password) => Ok(Some(store.hash_password(password).await?)),
        None => Ok(None),
    }
}

/// Refuses a body that speaks of another session than its address.
pub(crate) fn check_same(given: Option<&SessionId>, id: &SessionId) -> Result<(), Invalid> {
    match given {
        Some(given) if given != id => Err(Invalid("id must be that of the address".to_owned())),
        _ => Ok(()),
    }
}

/// Refuses texts that are empty, long, or would garble a line.
pub(crate) fn check_text(what: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
        let rule = format!("{what} must be 1 to {max} characters, without control characters");
        return Err(Invalid(rule));
    }
    Ok(())
}

fn check_password(password: Option<&str>) -> Result<(), Invalid> {
    match password.map(str::len) {
        None | Some(1..=MAX_PASSWORD) => Ok(()),
        Some(_) => Err(Invalid(format!(
            "password must be 1 to {MAX_PASSWORD} bytes"
        ))),
    }
}

fn check_channels(channels: &[Object<Channel>]) -> Result<(), Invalid> {
    if channels.len() > MAX_CHANNELS {
        return Err(Invalid(format!("channels: at most {MAX_CHANNELS}")));
    }
    let mut seen = HashSet::new();
    for Object(channel) in channels {
        if channel.index > MAX_CHANNEL_INDEX {
            let rule = format!("channel index must be at most {MAX_CHANNEL_INDEX}");
            return Err(Invalid(rule));
        }
        if !seen.insert(channel.index) {
            return Err(Invalid(format!("channel index {} twice", channel.index)));
        }
        check_text("channel name", &channel.name, MAX_NAME)?;
        check_text("channel language", &channel.language, MAX_LANGUAGE)?;
    }
    Ok(())
}

/// Tells a field that is `null` from one that is absent.
fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
