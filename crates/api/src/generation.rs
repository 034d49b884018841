//! Requests that are drawn while their client waits: what they cost is set aside, their pictures are stored and paid for, and handed over as
//! base64 or as a file.

use axum::http::{HeaderMap, StatusCode, Uri, header::HOST};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use easel_engine::{EngineError, Picture, Resolved};
use easel_imaging::{Format, Infotext};
use easel_platform::{
    PlatformError,
    fallback::Offer,
    jobs::{NewJob, Results},
    orders::{Drawing, Order, Output, OutputFormat, Work},
    records::Job,
    worker::{Held, Kept, Stop, Trouble, Writing, infotext},
};
use easel_types::{GenerationRequest, Quality, Rgb8};
use serde_json::Value;

use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::openai::{request::ImageRequest, response::ImageData},
    ordering::measures,
    outward::Outward,
};

/// The scheme and host our addresses begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// As configured, else what the client called us by, if that can be a host's name.
    pub(crate) fn of(state: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<Self, ApiError> {
        if let Some(configured) = &state.config.public_url {
            return Ok(Self(configured.trim_end_matches('/').to_owned()));
        }
        // HTTP/2 has the host in its address, HTTP/1.1 in a header.
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
        match host.filter(|host| is_host(host)) {
            Some(host) => Ok(Self(format!("http://{host}"))),
            None => Err(invalid_host()),
        }
    }

    /// A path of ours.
    pub(crate) fn of_path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Where files are sent by addresses that this server signs.
    pub(crate) fn signed_files(&self) -> String {
        format!("{}/api/v1/files/", self.0)
    }

    fn file(&self, name: &str) -> String {
        format!("{}/v1/images/files/{name}", self.0)
    }
}

pub(crate) fn invalid_host() -> ApiError {
    let message = "the header `Host` names no host";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_host", message)
}

/// Letters, digits, dots and dashes, or an IPv6 address in brackets, and perhaps a port: nothing that could end the host early.
pub(crate) fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_good = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
    };
    host.len() <= 255 && name_is_good && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// A request that is being drawn, and the job that pays for it.
///
/// Dropped before it is delivered, because the client has gone or something has failed, the job is given up and nothing is paid.
pub(crate) struct Paid {
    pub(crate) job: Job,
    pub(crate) held: Held,
}

/// A picture that is stored and paid for.
pub(crate) struct Delivered {
    /// The file.
    pub(crate) bytes: Bytes,
    /// What it was made with.
    pub(crate) resolved: Resolved,
}

impl Paid {
    /// Sets aside what a request costs. Its drawing may have begun: without this it is dropped.
    pub(crate) async fn hold(
        state: &AppState,
        caller: &Caller,
        request: &ImageRequest,
        first: &Resolved,
        outward: Option<&Outward>,
    ) -> Result<Self, ApiError> {
        Self::hold_with(state, caller, &order(request, first), outward.map(Outward::offer)).await
    }

    /// Sets aside what an order costs.
    pub(crate) async fn hold_for(state: &AppState, caller: &Caller, order: &Order) -> Result<Self, ApiError> {
        Self::hold_with(state, caller, order, None).await
    }

    /// Sets aside what an order costs that somebody else may do, as was settled for it.
    pub(crate) async fn hold_with(
        state: &AppState,
        caller: &Caller,
        order: &Order,
        offer: Option<&Offer>,
    ) -> Result<Self, ApiError> {
        let platform = &state.platform;
        platform.desk.grant_periods(&caller.user).await?;
        let (model, quality, images) = measures(order);
        let request = order.to_json();
        let new = NewJob {
            user_id: &caller.user.id,
            idempotency_key: None,
            model,
            quality,
            images,
            request: &request,
            key_id: caller.key_id.as_deref(),
            callback_url: None,
            mail_at_end: false,
            parent_image: order.parent(),
            batch_key: None,
        };
        let job = platform.jobs.submit_to_with(&state.node, new, offer).await?;
        let held = Held::begin(&platform.jobs, &job).ok_or_else(ApiError::internal)?.given_up_when_dropped();
        Ok(Self { job, held })
    }

    /// Returns when the request must not go on.
    pub(crate) async fn stopped(&mut self) -> ApiError {
        match self.held.stopped().await {
            Stop::Cancelled => cancelled(),
            Stop::Lost => ApiError::internal(),
        }
    }

    /// Stores the pictures, then pays for them.
    pub(crate) async fn deliver(
        self,
        state: &AppState,
        request: &ImageRequest,
        pictures: Vec<Picture>,
    ) -> Result<Vec<Delivered>, ApiError> {
        let writing = Writing {
            format: request.output_format,
            quality: Quality::Normal,
            compression: request.compression.quality,
            lossless: request.compression.lossless,
            fast: true,
        };
        let pictures = pictures.into_iter().map(|picture| (infotext(&picture.resolved), picture)).collect();
        self.deliver_told(state, &writing, pictures).await
    }

    /// Stores the pictures, each with its text, then pays for them.
    pub(crate) async fn deliver_told(
        self,
        state: &AppState,
        writing: &Writing,
        pictures: Vec<(Infotext, Picture)>,
    ) -> Result<Vec<Delivered>, ApiError> {
        let (mut delivered, mut images) = (Vec::with_capacity(pictures.len()), Vec::with_capacity(pictures.len()));
        for (text, picture) in pictures {
            let resolved = picture.resolved.clone();
            let Kept { image, bytes } =
                state.keeper.keep_told(&self.job, writing, picture, &text).await.map_err(|trouble| not_stored(&trouble))?;
            images.push(image);
            delivered.push(Delivered { bytes, resolved });
        }
        self.held.deliver(&Results { images, gpu_ms: 0 }).await?;
        Ok(delivered)
    }

    /// Stores a picture that was made of another, then pays for it.
    pub(crate) async fn deliver_made(
        self,
        state: &AppState,
        writing: &Writing,
        picture: Rgb8,
        parameters: Value,
    ) -> Result<Bytes, ApiError> {
        let kept = state.keeper.keep_made(&self.job, writing, picture, String::new(), parameters).await;
        let Kept { image, bytes } = kept.map_err(|trouble| not_stored(&trouble))?;
        self.held.deliver(&Results { images: vec![image], gpu_ms: 0 }).await?;
        Ok(bytes)
    }

    /// Nothing came of it, and nothing is paid.
    pub(crate) async fn fail(self, error: EngineError) -> ApiError {
        self.held.fail(error.clone().into()).await;
        error.into()
    }
}

/// The code of what was cancelled.
pub(crate) const CANCELLED: &str = "cancelled";

/// Whoever cancelled it does not want it drawn again, as clients do on their own after a 409.
pub(crate) fn cancelled() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, CANCELLED, "the job was cancelled").for_good()
}

fn not_stored(trouble: &Trouble) -> ApiError {
    match trouble {
        &Trouble::Failed { code, ref message, .. } if trouble.is_blocked() => {
            return ApiError::new(StatusCode::BAD_REQUEST, code, message.clone());
        }
        Trouble::Failed { code: "safety_unavailable", .. } => return PlatformError::LookUnavailable.into(),
        _ => {}
    }
    tracing::error!(?trouble, "a picture could not be stored");
    let message = "the picture was made but could not be stored; nothing was paid";
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "storage_failed", message)
}

/// What is asked for, as somebody else would be asked for it.
pub(crate) fn asked_of(request: &ImageRequest, model: &str) -> Order {
    let drawing = Drawing {
        styled: request.styled.clone(),
        masked: request.masked.clone(),
        stays_here: !request.allow_fallback,
        allow_drops: request.allow_drops,
        ..drawing_elsewhere(&request.generation, model)
    };
    Order { work: Work::Draw(Box::new(drawing)), output: output(request) }
}

/// The same for requests of every language: nothing of it is settled by a model of ours.
pub(crate) fn drawing_elsewhere(asked: &GenerationRequest, model: &str) -> Drawing {
    Drawing {
        negative_prompt: asked.negative_prompt.clone(),
        width: asked.width,
        height: asked.height,
        steps: asked.num_inference_steps,
        guidance: asked.guidance_scale,
        sampler: asked.sampler,
        schedule: asked.schedule,
        eta: asked.eta,
        clip_skip: asked.clip_skip,
        seed: asked.seed,
        count: asked.num_images,
        loras: asked.loras.clone(),
        ..Drawing::new(model, &asked.prompt)
    }
}

/// What was asked for, for the job's row.
fn order(request: &ImageRequest, first: &Resolved) -> Order {
    let asked = &request.generation;
    let drawing = Drawing {
        negative_prompt: asked.negative_prompt.clone(),
        width: Some(first.width),
        height: Some(first.height),
        steps: Some(first.num_inference_steps),
        guidance: Some(first.guidance_scale),
        sampler: Some(first.sampler),
        schedule: Some(first.schedule),
        eta: asked.eta,
        clip_skip: asked.clip_skip,
        seed: Some(first.seed),
        count: asked.num_images,
        // What it starts from is not stored, and an order names stored pictures alone.
        strength: first.strength,
        loras: asked.loras.clone(),
        styled: request.styled.clone(),
        masked: request.masked.clone(),
        ..Drawing::new(&first.model.0, &asked.prompt)
    };
    Order { work: Work::Draw(Box::new(drawing)), output: output(request) }
}

fn output(request: &ImageRequest) -> Output {
    let format = match request.output_format {
        Format::Png => OutputFormat::Png,
        Format::Jpeg => OutputFormat::Jpeg,
        Format::Webp => OutputFormat::Webp,
    };
    let compression = request.compression;
    Output { format, quality: Quality::Normal, compression: compression.quality, lossless: compression.lossless }
}

/// Puts a picture where the client wants it; without a base address, into the answer itself.
pub(crate) async fn hand_over(
    state: &AppState,
    request: &ImageRequest,
    base: Option<&BaseUrl>,
    (bytes, seed): (Bytes, Option<u64>),
) -> Result<ImageData, ApiError> {
    let Some(base) = base else {
        return Ok(ImageData { b64_json: Some(BASE64.encode(bytes)), url: None, seed });
    };
    let name = state.files.put(bytes.into(), request.output_format).await.map_err(|error| {
        tracing::error!(%error, "a picture could not be kept");
        let message = "the picture was made but could not be kept; use response_format b64_json";
        ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "storage_failed", message)
    })?;
    Ok(ImageData { b64_json: None, url: Some(base.file(&name)), seed })
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_cannot_smuggle_anything_into_an_address() {
        for good in ["localhost", "localhost:8080", "192.168.1.7:80", "a-b.example.com", "[::1]:7860", "[2001:db8::1]"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ":80", "a b", "evil.com/", "a@b", "a?b", "a#b", "a\"b", "a:b", "a:99999", "[::1", "[x]:1", "a:1:2", "é"]
        {
            assert!(!is_host(bad), "{bad}");
        }
        assert!(!is_host(&"a".repeat(300)));
    }
}
