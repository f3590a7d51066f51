//! Projects.

use sqlx::AnyConnection;
use switchboard_protocol::ids::{OrganizationId, ProjectId};

use super::{Database, commit, corrupt, now_ms, refers_to_nothing, stored};
use crate::store::chat_model::{NewProject, Project};
use crate::store::error::StoreError;

/// The next id that was never given, past those that projects brought with them.
const NEXT_ID: &str = "UPDATE project_ids SET latest = CASE \
     WHEN EXISTS (SELECT 1 FROM projects WHERE id = latest + 1) \
     THEN (SELECT p.id + 1 FROM projects p WHERE p.id > latest \
           AND NOT EXISTS (SELECT 1 FROM projects q WHERE q.id = p.id + 1) ORDER BY p.id LIMIT 1) \
     ELSE latest + 1 END RETURNING latest";

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    organization_id: String,
    name: String,
    created_at: i64,
}

impl Row {
    fn read(self, operation: &str) -> Result<Project, StoreError> {
        let organization = self.organization_id.as_str().try_into();
        Ok(Project {
            id: read_id(self.id, "id", operation)?,
            organization: organization
                .map_err(|_| corrupt(operation, "organization_id", &self.organization_id))?,
            name: self.name,
            created_at_ms: u64::try_from(self.created_at).unwrap_or_default(),
        })
    }
}

impl Database {
    pub(in crate::store) async fn create_project(
        &self,
        new: NewProject,
    ) -> Result<Project, StoreError> {
        let operation = match new.id {
            Some(id) => format!("create project {id}"),
            None => "create a project".to_owned(),
        };
        let mut transaction = self.begin(&operation).await?;
        let now = now_ms();
        let id = loop {
            let id = match new.id {
                Some(id) => id,
                None => next_id(&mut transaction, &operation).await?,
            };
            match insert(&mut transaction, id, &new, now).await {
                Ok(true) => break id,
                // Somebody has just brought this id: the next one, then.
                Ok(false) if new.id.is_none() => {}
                Ok(false) => return Err(StoreError::ProjectExists(id)),
                Err(error) if refers_to_nothing(&error) => {
                    return Err(StoreError::UnknownOrganization(new.organization));
                }
                Err(error) => return Err(StoreError::query(&operation, error)),
            }
        };
        commit(transaction, &operation).await?;
        Ok(Project {
            id,
            organization: new.organization,
            name: new.name,
            created_at_ms: u64::try_from(now).unwrap_or_default(),
        })
    }

    pub(in crate::store) async fn project(
        &self,
        id: ProjectId,
    ) -> Result<Option<Project>, StoreError> {
        let operation = format!("read project {id}");
        let row: Option<Row> = sqlx::query_as("SELECT * FROM projects WHERE id = $1")
            .bind(stored(id.get()))
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    pub(in crate::store) async fn projects_of(
        &self,
        organization: &OrganizationId,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<Project>, StoreError> {
        let operation = format!("list the projects of organization {organization}");
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM projects WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(organization.as_str())
        .bind(after.map_or(0, |id| stored(id.get())))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await
        .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter().map(|row| row.read(&operation)).collect()
    }

    pub(in crate::store) async fn delete_project(&self, id: ProjectId) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM projects WHERE id = $1")
            .bind(stored(id.get()))
            .execute(&self.writer)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(|error| StoreError::query(format!("delete project {id}"), error))
    }
}

/// Reads a stored number as an id.
pub(super) fn read_id<T: TryFrom<u64>>(
    number: i64,
    column: &'static str,
    operation: &str,
) -> Result<T, StoreError> {
    let id = u64::try_from(number).ok().and_then(|id| id.try_into().ok());
    id.ok_or_else(|| corrupt(operation, column, number))
}

async fn next_id(connection: &mut AnyConnection, operation: &str) -> Result<ProjectId, StoreError> {
    let next: i64 = sqlx::query_scalar(NEXT_ID)
        .fetch_one(connection)
        .await
        .map_err(|error| StoreError::query(operation, error))?;
    read_id(next, "latest", operation)
}

/// Inserts a project, unless there is one of its id.
async fn insert(
    connection: &mut AnyConnection,
    id: ProjectId,
    new: &NewProject,
    now: i64,
) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "INSERT INTO projects (id, organization_id, name, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(stored(id.get()))
    .bind(new.organization.as_str())
    .bind(&new.name)
    .bind(now)
    .execute(connection)
    .await
    .map(|done| done.rows_affected() > 0)
}
