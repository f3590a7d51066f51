//! Reads an identity out of verified claims. Pure; every claim that is looked at must have the right type.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use switchboard_actors::ports::Principal;

/// The claims of a token. An object by type: serde would read a struct out of an array, too.
pub(super) type Claims = Map<String, Value>;

/// The last second of the year 9999: later expiries are mistakes, and would overflow some clocks.
const MAX_EXPIRY_SECONDS: f64 = 253_402_300_799.0;

/// What is wrong with claims whose signature is right; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClaimFault {
    /// A claim of another type than its meaning asks for, or with a value that is no id.
    #[error("claim {0} is not valid")]
    Invalid(&'static str),
    /// Neither a user id nor a guest.
    #[error("neither a user id nor a guest")]
    Nobody,
}

/// Returns whom the claims describe, and until when.
pub(super) fn identity(claims: &Claims) -> Result<(Principal, SystemTime), ClaimFault> {
    let empty = Claims::new();
    let data = match claims.get("data") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(data)) => data,
        Some(_) => return Err(ClaimFault::Invalid("data")),
    };
    let principal = if flag(claims, "guest")? {
        guest(claims, "session", "organization")?
    } else if flag(data, "fromPublic")? {
        guest(data, "fromSession", "organizationId")?
    } else {
        user(claims, data)?
    };
    Ok((principal, expiry(claims)?))
}

fn guest(
    claims: &Claims,
    session: &'static str,
    organization: &'static str,
) -> Result<Principal, ClaimFault> {
    let invalid = |_| ClaimFault::Invalid(session);
    let id = text(claims, session)?.ok_or(ClaimFault::Invalid(session))?;
    Ok(Principal::Guest {
        session: id.parse().map_err(invalid)?,
        organization: text(claims, organization)?
            .map(str::parse)
            .transpose()
            .map_err(|_| ClaimFault::Invalid(organization))?,
    })
}

fn user(claims: &Claims, data: &Claims) -> Result<Principal, ClaimFault> {
    let places = [
        (claims, "sub"),
        (claims, "userId"),
        (claims, "id"),
        (data, "userId"),
    ];
    for (place, name) in places {
        if let Some(id) = text(place, name)? {
            let id = id.parse().map_err(|_| ClaimFault::Invalid(name))?;
            // The top level alone: what other systems put into `data.role` means something else.
            let admin = text(claims, "role")? == Some("admin");
            return Ok(Principal::User { id, admin });
        }
    }
    Err(ClaimFault::Nobody)
}

fn expiry(claims: &Claims) -> Result<SystemTime, ClaimFault> {
    let seconds = claims.get("exp").and_then(Value::as_f64);
    match seconds {
        Some(seconds) if (0.0..=MAX_EXPIRY_SECONDS).contains(&seconds) => {
            Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64))
        }
        _ => Err(ClaimFault::Invalid("exp")),
    }
}

/// A text claim; `null` is as good as none.
fn text<'a>(claims: &'a Claims, name: &'static str) -> Result<Option<&'a str>, ClaimFault> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ClaimFault::Invalid(name)),
    }
}

/// A claim that is true, false, or not there.
fn flag(claims: &Claims, name: &'static str) -> Result<bool, ClaimFault> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(ClaimFault::Invalid(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: Value) -> Result<Principal, ClaimFault> {
        let Value::Object(mut claims) = claims else {
            panic!("claims are an object")
        };
        claims.entry("exp").or_insert(json!(2_000_000_000));
        identity(&claims).map(|(principal, _)| principal)
    }

    fn user(id: &str, admin: bool) -> Result<Principal, ClaimFault> {
        Ok(Principal::User {
            id: id.parse().unwrap(),
            admin,
        })
    }

    fn guest(session: &str, organization: Option<&str>) -> Result<Principal, ClaimFault> {
        let organization = organization.map(|id| id.parse().unwrap());
        Ok(Principal::Guest {
            session: session.parse().unwrap(),
            organization,
        })
    }

    #[test]
    fn a_user_is_found_in_each_of_its_places_and_sub_goes_first() {
        assert_eq!(read(json!({"sub": "u"})), user("u", false));
        assert_eq!(read(json!({"userId": "u"})), user("u", false));
        assert_eq!(read(json!({"id": "u"})), user("u", false));
        assert_eq!(
            read(json!({"data": {"userId": "u", "role": 1}})),
            user("u", false)
        );
        assert_eq!(
            read(json!({"sub": "u", "id": 7, "userId": "v"})),
            user("u", false)
        );
        assert_eq!(read(json!({"sub": null, "id": "u"})), user("u", false));
    }

    #[test]
    fn only_the_role_admin_of_a_user_administers() {
        assert_eq!(read(json!({"sub": "u", "role": "admin"})), user("u", true));
        for role in ["Admin", "administrator", "user", ""] {
            assert_eq!(read(json!({"sub": "u", "role": role})), user("u", false));
        }
        let data = json!({"data": {"role": "admin", "userId": "u"}});
        assert_eq!(read(data), user("u", false));
        assert_eq!(read(json!({"role": "admin"})), Err(ClaimFault::Nobody));
        let both = json!({"guest": true, "session": "s", "sub": "u", "role": "admin"});
        assert_eq!(read(both), guest("s", None));
    }

    #[test]
    fn guests_are_read_in_both_shapes() {
        let own = json!({"guest": true, "session": "s", "organization": "o"});
        assert_eq!(read(own), guest("s", Some("o")));
        assert_eq!(
            read(json!({"guest": true, "session": "s"})),
            guest("s", None)
        );
        let data =
            json!({"fromPublic": true, "fromSession": "s", "organizationId": "o", "role": 0});
        assert_eq!(read(json!({ "data": data })), guest("s", Some("o")));
        assert_eq!(read(json!({"guest": false, "sub": "u"})), user("u", false));
    }

    #[test]
    fn claims_of_a_wrong_type_or_without_a_person_are_refused() {
        let faulty = [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": ["u"]}),
            json!({"sub": 7}),
            json!({"sub": {"id": "u"}}),
            json!({"sub": "a\nb"}),
            json!({"sub": "u", "role": ["admin"]}),
            json!({"sub": "u", "data": []}),
            json!({"sub": "u", "data": "x"}),
            json!({"data": {"userId": 7}}),
            json!({"data": {}}),
            json!({"guest": "true", "session": "s"}),
            json!({"guest": 1, "session": "s"}),
            json!({"guest": true}),
            json!({"guest": true, "sub": "u"}),
            json!({"guest": true, "session": "a/b"}),
            json!({"guest": true, "session": "+"}),
            json!({"guest": true, "session": ["s"]}),
            json!({"guest": true, "session": "s", "organization": "#"}),
            json!({"data": {"fromPublic": true, "organizationId": "o"}}),
            json!({"data": {"fromPublic": "yes", "fromSession": "s"}}),
        ];
        for claims in faulty {
            assert!(read(claims.clone()).is_err(), "{claims}");
        }
    }

    #[test]
    fn an_expiry_must_be_a_time() {
        for exp in [
            json!(1e30),
            json!(-1),
            json!("2000000000"),
            json!([2e9]),
            json!(null),
        ] {
            let claims = json!({"sub": "u", "exp": exp});
            assert_eq!(read(claims), Err(ClaimFault::Invalid("exp")), "{exp}");
        }
        let Value::Object(claims) = json!({"sub": "u", "exp": 1234.9}) else {
            unreachable!()
        };
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1234);
        assert_eq!(identity(&claims).unwrap().1, expected);
    }
}
