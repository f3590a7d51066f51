//! What is counted of HTTP: answers by class of status, and why Engine.IO requests are refused.

use actix_http::StatusCode;
use switchboard_actors::metrics::{Metrics, Reason, Status};
use switchboard_protocol::engineio::RefusalCode;

/// A request has been answered.
pub(super) fn answered(metrics: &Metrics, status: StatusCode) {
    let status = match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    let answers = &metrics.http_responses;
    answers.get_or_create(&Status { status }).inc();
}

/// An Engine.IO request has been refused.
pub(super) fn refused(metrics: &Metrics, reason: &'static str) {
    let refused = &metrics.requests_refused;
    refused.get_or_create(&Reason { reason }).inc();
}

/// The label of a refusal that clients know by a number.
pub(super) fn word(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::UnknownTransport => "unknown_transport",
        RefusalCode::UnknownSid => "unknown_sid",
        RefusalCode::BadHandshakeMethod => "bad_handshake_method",
        RefusalCode::BadRequest => "bad_request",
        RefusalCode::Forbidden => "forbidden",
        RefusalCode::UnsupportedProtocolVersion => "unsupported_version",
    }
}
