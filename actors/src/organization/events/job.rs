//! LLM jobs as published: what they are called, whom they concern, and what guests are spared.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_protocol::events::{LLM_JOB_COMPLETE, LLM_JOB_ERROR, LLM_JOB_UPDATE};
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::{ConversationId, OrganizationId};

use super::{Refused, check_organization, check_payload, encode, frame, read};

/// What those who follow an organization's jobs are told of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatement {
    /// The conversation it works on, where it names one.
    pub conversation: Option<ConversationId>,
    /// As it was published.
    pub full: Frame,
    /// Without the job's `result`.
    pub for_guests: Frame,
}

/// Whether an event concerns a job.
pub fn is_job(event: &str) -> bool {
    event.starts_with("llm:job:")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published<'a> {
    #[serde(borrow)]
    organization_id: Cow<'a, str>,
    #[serde(borrow)]
    job_id: Cow<'a, str>,
    conversation_id: Option<ConversationId>,
    #[serde(default)]
    status: Value,
}

/// Reads what was published as one of [`is_job`]'s events. The status decides the name, whatever the topic said.
pub fn job(organization: &OrganizationId, payload: &Bytes) -> Result<JobStatement, Refused> {
    check_payload(payload)?;
    let published: Published = read(payload)?;
    check_organization(organization, Some(&published.organization_id))?;
    if published.job_id.is_empty() {
        return Err(Refused::Shape);
    }
    let name = match published.status.as_str() {
        Some("completed" | "complete") => LLM_JOB_COMPLETE,
        Some("error" | "failed") => LLM_JOB_ERROR,
        _ => LLM_JOB_UPDATE,
    };
    Ok(JobStatement {
        conversation: published.conversation_id,
        full: encode(name, &[payload]),
        for_guests: frame(name, &without_result(payload)?),
    })
}

/// The job's fields as they were published, but for its result.
fn without_result(payload: &[u8]) -> Result<BTreeMap<Cow<'_, str>, &RawValue>, Refused> {
    let mut fields: BTreeMap<Cow<str>, &RawValue> = read(payload)?;
    fields.remove("result");
    Ok(fields)
}
