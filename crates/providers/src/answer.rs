//! What a bad answer means: by its status, its code, and each provider's own way of saying so.

use std::time::{Duration, SystemTime};

use easel_outbound::{StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::{Accepted, FailureClass, Kind, ProviderError, ProviderId, error::plain_word, wire::is_request_error};

/// No provider is waited for longer than this, whatever it says.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// What Stability locks an account out for that asks too often.
const STABILITY_LOCK_OUT: Duration = Duration::from_secs(60);
/// How deep in a body codes are looked for.
const DEPTH_MAX: usize = 6;

/// Words by which providers say that their rules forbid it.
const MODERATED: [&str; 9] = [
    "moderation_blocked",
    "content_policy_violation",
    "content_moderation",
    "content_filter",
    "content_filtered",
    "safety_violation",
    "nsfw_content_detected",
    "prohibited_content",
    "image_safety",
];
/// Words by which they say that the account is used up.
const USED_UP: [&str; 5] =
    ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_credits", "payment_required"];

/// How a provider words failures, and whether the call would have it do paid work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub kind: Kind,
    pub submits: bool,
}

/// A bad answer.
pub(crate) struct Failure<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Failure<'_> {
    pub fn read(&self, provider: &ProviderId, told: Told, now: SystemTime) -> ProviderError {
        let body: Value = serde_json::from_slice(self.body).unwrap_or(Value::Null);
        let mut codes = Vec::new();
        collect_codes(&body, &mut codes, 0);
        let class = self.class(&codes);
        let mut failure = ProviderError::new(provider, class, if told.submits { self.accepted(class) } else { Accepted::Yes });
        failure.status = Some(self.status.as_u16());
        failure.code = codes.into_iter().find_map(|code| plain_word(&code));
        failure.request_id = ["x-request-id", "x-fal-request-id", "x-stability-request-id", "request-id"]
            .into_iter()
            .find_map(|name| plain_word(self.headers.get(name)?.to_str().ok()?));
        failure.retry_after = self.retry_after(&body, now);
        if failure.retry_after.is_none() && class == FailureClass::RateLimited && told.kind == Kind::Stability {
            failure.retry_after = Some(STABILITY_LOCK_OUT);
        }
        failure
    }

    fn class(&self, codes: &[String]) -> FailureClass {
        let says = |words: &[&str]| codes.iter().any(|code| words.contains(&code.to_ascii_lowercase().as_str()));
        let client = self.status.is_client_error();
        if client && says(&MODERATED) {
            return FailureClass::Moderated;
        }
        if client && says(&USED_UP) {
            return FailureClass::Quota;
        }
        match self.status.as_u16() {
            402 => FailureClass::Quota,
            429 => FailureClass::RateLimited,
            408 | 409 | 425 => FailureClass::Transient,
            504 => FailureClass::Timeout,
            _ if is_request_error(self.status) => FailureClass::UserError,
            _ if self.status.is_server_error() => FailureClass::Transient,
            _ => FailureClass::Permanent,
        }
    }

    /// A refusal was not taken on; where a gateway speaks for a server, nobody can tell.
    fn accepted(&self, class: FailureClass) -> Accepted {
        match self.status.as_u16() {
            408 | 409 | 425 | 502 | 504 | 520..=599 => Accepted::Unknown,
            // Filtered pictures were drawn all the same, and some providers have them paid.
            _ if class == FailureClass::Moderated => Accepted::Unknown,
            _ => Accepted::No,
        }
    }

    fn retry_after(&self, body: &Value, now: SystemTime) -> Option<Duration> {
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        let millis = header("retry-after-ms").and_then(|text| text.trim().parse().ok()).map(Duration::from_millis);
        let seconds = || {
            let text = header("retry-after")?.trim();
            let date = || Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default());
            seconds(text).or_else(date)
        };
        let google = || {
            let details = body.pointer("/error/details")?.as_array()?;
            details.iter().find_map(|detail| seconds_with_unit(detail.get("retryDelay")?.as_str()?))
        };
        let replicate = || body.get("retry_after").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok());
        millis.or_else(seconds).or_else(google).or_else(replicate).map(|hint| hint.min(RETRY_AFTER_MAX))
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok())
}

/// As protobuf writes durations: `30s`, `1.5s`.
fn seconds_with_unit(text: &str) -> Option<Duration> {
    seconds(text.strip_suffix('s')?)
}

/// All that stands where providers put their codes: `error.code`, `error.type`, `error.status`, `name`, `detail[].type`, `error_type`.
fn collect_codes(value: &Value, codes: &mut Vec<String>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(fields) => {
            for name in ["code", "name", "type", "error_type", "status", "reason"] {
                codes.extend(fields.get(name).and_then(Value::as_str).map(str::to_owned));
            }
            for name in ["error", "detail", "details", "errors"] {
                if let Some(inner) = fields.get(name) {
                    collect_codes(inner, codes, depth + 1);
                }
            }
        }
        Value::Array(items) => items.iter().take(16).for_each(|item| collect_codes(item, codes, depth + 1)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use easel_outbound::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(kind: Kind, status: u16, headers: &[(&'static str, &str)], body: &str) -> ProviderError {
        let headers = headers.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let headers: HeaderMap = headers.collect();
        let failure = Failure { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() };
        failure.read(&kind.into(), Told { kind, submits: true }, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    #[test]
    fn each_answer_has_its_class() {
        use FailureClass::*;
        for (kind, status, body, wanted) in [
            (Kind::Openai, 400, r#"{"error":{"type":"invalid_request_error","code":"invalid_size","message":"x"}}"#, UserError),
            (Kind::Openai, 400, r#"{"error":{"type":"image_generation_user_error","code":"moderation_blocked"}}"#, Moderated),
            (Kind::Openai, 429, r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#, Quota),
            (Kind::Openai, 429, r#"{"error":{"type":"requests","code":"rate_limit_exceeded"}}"#, RateLimited),
            (Kind::Openai, 401, r#"{"error":{"code":"invalid_api_key"}}"#, Permanent),
            (Kind::Openai, 500, "", Transient),
            (Kind::Openai, 504, "<html>", Timeout),
            (Kind::Stability, 403, r#"{"id":"a","name":"content_moderation","errors":["x"]}"#, Moderated),
            (Kind::Stability, 402, r#"{"id":"a","name":"payment_required","errors":["x"]}"#, Quota),
            (Kind::Stability, 413, "{}", UserError),
            (Kind::Fal, 422, r#"{"detail":[{"loc":["body","prompt"],"msg":"x","type":"content_policy_violation"}]}"#, Moderated),
            (Kind::Fal, 422, r#"{"detail":[{"loc":["body","seed"],"msg":"x","type":"int_parsing"}]}"#, UserError),
            (Kind::Gemini, 429, r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#, RateLimited),
            (Kind::Bfl, 402, r#"{"detail":"x"}"#, Quota),
            (Kind::Bfl, 404, r#"{"detail":"x"}"#, Permanent),
            (Kind::Replicate, 422, r#"{"title":"x","detail":"x","status":422}"#, UserError),
        ] {
            assert_eq!(read(kind, status, &[], body).class, wanted, "{kind} {status} {body}");
        }
    }

    #[test]
    fn hints_are_read_in_every_spelling_and_bounded() {
        let hint = |headers: &[(&'static str, &str)], body: &str| read(Kind::Gemini, 429, headers, body).retry_after;
        let seconds = |s: f64| Some(Duration::from_secs_f64(s));
        assert_eq!(hint(&[("retry-after", "7")], ""), seconds(7.0));
        assert_eq!(hint(&[("retry-after-ms", "250"), ("retry-after", "7")], ""), seconds(0.25));
        assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], ""), seconds(10.0));
        assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")], ""), seconds(0.0), "a date that is over");
        assert_eq!(hint(&[("retry-after", "99999999")], ""), seconds(3600.0));
        let google = r#"{"error":{"details":[{"@type":"QuotaFailure"},{"@type":"RetryInfo","retryDelay":"30s"}]}}"#;
        assert_eq!(hint(&[], google), seconds(30.0));
        assert_eq!(hint(&[], r#"{"detail":"x","status":429,"retry_after":4}"#), seconds(4.0));
        for bad in ["-1", "nan", "inf", "soon"] {
            assert_eq!(hint(&[("retry-after", bad)], ""), None, "{bad}");
        }
        assert_eq!(read(Kind::Stability, 429, &[], "").retry_after, Some(STABILITY_LOCK_OUT));
    }

    #[test]
    fn where_a_gateway_speaks_nobody_can_tell() {
        for (status, accepted) in [
            (400, Accepted::No),
            (429, Accepted::No),
            (500, Accepted::No),
            (503, Accepted::No),
            (502, Accepted::Unknown),
            (504, Accepted::Unknown),
        ] {
            assert_eq!(read(Kind::Openai, status, &[], "").accepted, accepted, "{status}");
        }
    }
}
