//! Folders as they may travel, and who may see a private one.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use switchboard_protocol::ids::{OrganizationId, UserId};

use super::{Refused, check_organization, read};

/// Who may hear of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Everybody who watches the organization's media.
    All,
    /// The owner and the members of a private folder: users' ids, as published.
    Only(HashSet<String>),
}

impl Readers {
    /// Whether a socket of `user` may hear of it.
    pub fn include(&self, user: Option<&UserId>) -> bool {
        match self {
            Self::All => true,
            Self::Only(users) => user.is_some_and(|user| users.contains(user.as_str())),
        }
    }
}

/// A field that is passed on as it was published, `null` included; absent where it was absent.
type Field<'a> = Option<&'a RawValue>;

/// What `folder_created` and `folder_updated` may say; all other fields stay behind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Folder<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    organization_id: Option<Cow<'a, str>>,
    #[serde(
        borrow,
        default,
        deserialize_with = "as_published",
        skip_serializing_if = "Option::is_none"
    )]
    parent_id: Field<'a>,
    #[serde(
        borrow,
        default,
        deserialize_with = "as_published",
        skip_serializing_if = "Option::is_none"
    )]
    color: Field<'a>,
    #[serde(
        borrow,
        default,
        deserialize_with = "as_published",
        skip_serializing_if = "Option::is_none"
    )]
    emoji: Field<'a>,
    #[serde(
        borrow,
        default,
        deserialize_with = "as_published",
        skip_serializing_if = "Option::is_none"
    )]
    position: Field<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    visibility: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    owner: Option<Person<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    members: Option<Vec<Person<'a>>>,
}

/// A user: an id, or an object with an id by one of three names; what else it says of them stays behind.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Person<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Object(Ids<'a>),
}

#[derive(Serialize, Deserialize)]
struct Ids<'a> {
    #[serde(rename = "userId", borrow, skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(rename = "_id", borrow, skip_serializing_if = "Option::is_none")]
    document: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
}

impl Person<'_> {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Object(ids) => {
                let first = ids
                    .user
                    .as_ref()
                    .or(ids.document.as_ref())
                    .or(ids.id.as_ref());
                first.map(AsRef::as_ref)
            }
        }
    }
}

impl Folder<'_> {
    fn readers(&self) -> Readers {
        if self.visibility.as_deref() != Some("private") {
            return Readers::All;
        }
        let members = self.members.iter().flatten();
        let people = members.chain(&self.owner).filter_map(Person::id);
        Readers::Only(people.map(str::to_owned).collect())
    }
}

/// Keeps `null` apart from an absent field.
fn as_published<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Field<'a>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What `folder_deleted` may say.
#[derive(Serialize, Deserialize)]
pub struct Deleted<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
}

/// What `conversation_folder_changed` may say: a folder is `null` where a conversation was, or is, in none.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved<'a> {
    #[serde(borrow)]
    conversation_ids: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    from_folder_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_folder_id: Option<Cow<'a, str>>,
}

/// Reads `folder_created` or `folder_updated`.
pub fn changed<'a>(
    organization: &OrganizationId,
    payload: &'a [u8],
) -> Result<(Readers, Folder<'a>), Refused> {
    let folder: Folder = read(payload)?;
    check_organization(organization, folder.organization_id.as_deref())?;
    Ok((folder.readers(), folder))
}

/// Reads `folder_deleted`.
pub fn deleted(payload: &[u8]) -> Result<Deleted<'_>, Refused> {
    read(payload)
}

/// Reads `conversation_folder_changed`.
pub fn moved(payload: &[u8]) -> Result<Moved<'_>, Refused> {
    read(payload)
}
