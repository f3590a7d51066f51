//! Organizations and their members.

use sqlx::any::AnyQueryResult;
use switchboard_protocol::ids::{OrganizationId, UserId};

use super::{Database, commit, corrupt, now_ms, refers_to_nothing};
use crate::store::error::StoreError;
use crate::store::model::{Role, Written};

impl Database {
    pub(in crate::store) async fn put_organization(
        &self,
        id: &OrganizationId,
        name: &str,
    ) -> Result<Written, StoreError> {
        let operation = format!("put organization {id}");
        let query = |error| StoreError::query(&operation, error);
        let now = now_ms();
        let mut transaction = self.begin(&operation).await?;
        // Tried before it is looked for: who comes second waits here, and then knows that it was second.
        let inserted = sqlx::query(
            "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, $2, $3, $3) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(name)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(query)?;
        let written = written(inserted);
        if written == Written::Replaced {
            sqlx::query("UPDATE organizations SET name = $2, updated_at = $3 WHERE id = $1")
                .bind(id.as_str())
                .bind(name)
                .bind(now)
                .execute(&mut *transaction)
                .await
                .map_err(query)?;
        }
        commit(transaction, &operation).await?;
        Ok(written)
    }

    pub(in crate::store) async fn put_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        role: Role,
    ) -> Result<Written, StoreError> {
        let operation = format!("put member {user} of organization {organization}");
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        let inserted = sqlx::query(
            "INSERT INTO members (organization_id, user_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (organization_id, user_id) DO NOTHING",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .bind(role.stored())
        .execute(&mut *transaction)
        .await;
        let written = match inserted {
            Ok(done) => written(done),
            Err(error) if refers_to_nothing(&error) => {
                return Err(StoreError::UnknownOrganization(organization.clone()));
            }
            Err(error) => return Err(query(error)),
        };
        if written == Written::Replaced {
            sqlx::query("UPDATE members SET role = $3 WHERE organization_id = $1 AND user_id = $2")
                .bind(organization.as_str())
                .bind(user.as_str())
                .bind(role.stored())
                .execute(&mut *transaction)
                .await
                .map_err(query)?;
        }
        commit(transaction, &operation).await?;
        Ok(written)
    }

    pub(in crate::store) async fn delete_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM members WHERE organization_id = $1 AND user_id = $2")
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
        let role: Option<i64> = sqlx::query_scalar(
            "SELECT role FROM members WHERE organization_id = $1 AND user_id = $2",
        )
        .bind(organization.as_str())
        .bind(user.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(|error| StoreError::query(operation(), error))?;
        role.map(|stored| {
            Role::from_stored(stored).ok_or_else(|| corrupt(&operation(), "role", stored))
        })
        .transpose()
    }
}

/// What an insertion that passes over what is there already did.
fn written(inserted: AnyQueryResult) -> Written {
    match inserted.rows_affected() {
        0 => Written::Replaced,
        _ => Written::Created,
    }
}
