//! Organizations and their members.

use switchboard_protocol::ids::{OrganizationId, UserId};

use super::{Database, ORGANIZATION, commit, exists, now_ms};
use crate::store::error::StoreError;
use crate::store::model::{Role, Written};

/// Asks [`exists`] for a member; also how its role is read.
const MEMBER: &str = "SELECT role FROM members WHERE organization_id = ?1 AND user_id = ?2";

impl Database {
    pub(in crate::store) async fn put_organization(
        &self,
        id: &OrganizationId,
        name: &str,
    ) -> Result<Written, StoreError> {
        let operation = format!("put organization {id}");
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        let known = exists(&mut transaction, ORGANIZATION, &[id.as_str()])
            .await
            .map_err(query)?;
        sqlx::query(
            "INSERT INTO organizations (id, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at",
        )
        .bind(id.as_str())
        .bind(name)
        .bind(now_ms())
        .execute(&mut *transaction)
        .await
        .map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(written(known))
    }

    pub(in crate::store) async fn put_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        role: Role,
    ) -> Result<Written, StoreError> {
        let operation = format!("put member {user} of organization {organization}");
        let query = |error| StoreError::query(&operation, error);
        let keys = [organization.as_str(), user.as_str()];
        let mut transaction = self.begin(&operation).await?;
        if !exists(&mut transaction, ORGANIZATION, &keys[..1])
            .await
            .map_err(query)?
        {
            return Err(StoreError::UnknownOrganization(organization.clone()));
        }
        let known = exists(&mut transaction, MEMBER, &keys)
            .await
            .map_err(query)?;
        sqlx::query(
            "INSERT INTO members (organization_id, user_id, role) VALUES (?1, ?2, ?3) \
             ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .bind(role.stored())
        .execute(&mut *transaction)
        .await
        .map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(written(known))
    }

    pub(in crate::store) async fn delete_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM members WHERE organization_id = ?1 AND user_id = ?2")
            .bind(organization.as_str())
            .bind(user.as_str())
            .execute(&self.writer)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(|error| {
                let operation = format!("delete member {user} of organization {organization}");
                StoreError::query(operation, error)
            })
    }

    pub(in crate::store) async fn member_role(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Role>, StoreError> {
        let operation = || format!("read member {user} of organization {organization}");
        let role: Option<i64> = sqlx::query_scalar(MEMBER)
            .bind(organization.as_str())
            .bind(user.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| StoreError::query(operation(), error))?;
        role.map(|stored| {
            Role::from_stored(stored).ok_or_else(|| StoreError::Corrupt {
                operation: operation(),
                column: "role",
                value: stored.to_string(),
            })
        })
        .transpose()
    }
}

fn written(known: bool) -> Written {
    match known {
        true => Written::Replaced,
        false => Written::Created,
    }
}
