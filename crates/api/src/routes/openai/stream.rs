//! The same request answered as server-sent events: partial pictures if they are wanted, one `….completed` a picture, or an error, then the end.
//!
//! A partial picture is the engine's preview, which has a pixel for each latent, enlarged to the size that is drawn. There may be fewer than were
//! asked for: a picture may be finished before the first is due, and previews make room for what matters more.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    time::Duration,
};

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use easel_engine::{Event, Ticket};
use easel_imaging::{EncodeOptions, Format, PngLevel, encode, resize_rgb};
use easel_types::Rgb8;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    ApiError, AppState,
    compat::openai::{
        request::ImageRequest,
        response::{CompletedEvent, PartialEvent, ProgressEvent, Traits},
    },
    generation::{Delivered, Paid, hand_over},
    outward::{Foreign, Outward, There},
};

/// Comments keep proxies from closing a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Previews are small and short-lived.
const PREVIEW_QUALITY: u8 = 80;

/// Owns the ticket: dropping the stream cancels the request.
struct Progress {
    state: AppState,
    request: ImageRequest,
    ticket: Ticket,
    /// Until the pictures are there.
    paid: Option<Paid>,
    /// Who else may draw it.
    outward: Option<Outward>,
    deadline: Instant,
    pictures: std::vec::IntoIter<Delivered>,
    /// Partial pictures there have been, by picture.
    partial: HashMap<u32, u32>,
    /// Of one of the engine's events there may be two.
    waiting: VecDeque<SseEvent>,
    ended: bool,
}

pub(crate) fn answer(
    state: AppState,
    request: ImageRequest,
    ticket: Ticket,
    paid: Paid,
    outward: Option<Outward>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let deadline = Instant::now() + state.config.generation_timeout;
    let progress = Progress {
        state,
        request,
        ticket,
        paid: Some(paid),
        outward,
        deadline,
        pictures: Vec::new().into_iter(),
        partial: HashMap::new(),
        waiting: VecDeque::new(),
        ended: false,
    };
    let events = stream::unfold(progress, |mut progress| async move {
        let event = progress.next().await?;
        Some((Ok(event), progress))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Of pictures that somebody else has drawn by now.
pub(crate) fn answer_there(
    state: &AppState,
    request: &ImageRequest,
    there: There,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>> + use<>> {
    Sse::new(stream::iter(foreign(state, request, there).into_iter().map(Ok)))
}

/// The last events of pictures that somebody else has drawn.
fn foreign(state: &AppState, request: &ImageRequest, there: There) -> Vec<SseEvent> {
    let There { pictures, served_by, unit_price } = there;
    let name = CompletedEvent::name(request.purpose);
    let event = |picture: Foreign| {
        let event = CompletedEvent {
            kind: name,
            b64_json: BASE64.encode(&picture.bytes),
            created_at: state.now(),
            seed: picture.seed,
            served_by: served_by.clone(),
            unit_price: Some(unit_price.clone()),
            masked: request.masked.clone(),
            traits: Traits::of_size(picture.size, request.output_format, Some(quality(request))),
        };
        json_event(name, &event)
    };
    pictures.into_iter().map(event).collect()
}

impl Progress {
    async fn next(&mut self) -> Option<SseEvent> {
        if self.ended {
            return None;
        }
        match self.advance().await {
            Ok(Some(event)) => Some(event),
            Ok(None) => None,
            Err(error) => {
                self.ended = true;
                Some(SseEvent::default().data(error.body().to_string()))
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<SseEvent>, ApiError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if let Some(picture) = self.pictures.next() {
                return self.completed(picture).await.map(Some);
            }
            let Some(paid) = &mut self.paid else { return Ok(None) };
            let event = tokio::select! {
                event = tokio::time::timeout_at(self.deadline, self.ticket.next()) => event.map_err(|_| ApiError::timeout())?,
                stopped = paid.stopped() => return Err(stopped),
            };
            match event {
                None => return Ok(None),
                Some(Event::Finished(pictures)) => {
                    let Some(paid) = self.paid.take() else { return Ok(None) };
                    self.pictures = paid.deliver(&self.state, &self.request, pictures).await?.into_iter();
                }
                Some(Event::Failed(error)) => {
                    let Some(paid) = self.paid.take() else { return Ok(None) };
                    let there = paid.after(&self.state, self.outward.as_ref(), error, std::future::pending()).await?;
                    self.waiting.extend(foreign(&self.state, &self.request, there));
                }
                Some(Event::Cancelled) => return Err(ApiError::internal()),
                Some(event) => self.tell(event).await,
            }
        }
    }

    /// What an event on the way says, to whom it may interest.
    async fn tell(&mut self, event: Event) {
        if self.request.progress
            && let Some(event) = progress(&event)
        {
            self.waiting.push_back(json_event(ProgressEvent::NAME, &event));
        }
        let Event::Preview { picture, image } = event else { return };
        let Some(resolved) = self.ticket.resolved().get(picture as usize) else { return };
        let index = self.partial.entry(picture).or_default();
        if *index >= self.request.partial_images {
            return;
        }
        let format = self.request.output_format;
        let traits = Traits::new(resolved, format, Some(quality(&self.request)));
        let Some(b64_json) = enlarged(image, (resolved.width, resolved.height), format).await else { return };
        let name = PartialEvent::name(self.request.purpose);
        let event = PartialEvent { kind: name, b64_json, partial_image_index: *index, created_at: self.state.now(), traits };
        *index += 1;
        self.waiting.push_back(json_event(name, &event));
    }

    async fn completed(&self, delivered: Delivered) -> Result<SseEvent, ApiError> {
        let traits = Traits::new(&delivered.resolved, self.request.output_format, Some(quality(&self.request)));
        let seed = Some(delivered.resolved.seed);
        let data = hand_over(&self.state, &self.request, None, (delivered.bytes, seed)).await?;
        let name = CompletedEvent::name(self.request.purpose);
        let event = CompletedEvent {
            kind: name,
            b64_json: data.b64_json.unwrap_or_default(),
            created_at: self.state.now(),
            seed: data.seed,
            served_by: None,
            unit_price: None,
            masked: self.request.masked.clone(),
            traits,
        };
        Ok(json_event(name, &event))
    }
}

/// Clients read it of every event.
fn quality(request: &ImageRequest) -> &'static str {
    request.quality.unwrap_or("auto")
}

fn progress(event: &Event) -> Option<ProgressEvent> {
    let (state, index, total, left) = match *event {
        Event::Queued { position, left } => ("queued", position as u64, 0, Some(left)),
        Event::Started => ("started", 0, 0, None),
        Event::Step { index, total, left, .. } => ("step", u64::from(index), u64::from(total), Some(left)),
        Event::Preview { picture, .. } => ("preview", u64::from(picture), 0, None),
        Event::Decoded { index, total } => ("decoded", u64::from(index), u64::from(total), None),
        _ => return None,
    };
    let preview = match event {
        Event::Preview { image, .. } => Some(jpeg(image)?),
        _ => None,
    };
    Some(ProgressEvent { kind: ProgressEvent::NAME, state, index, total, seconds_left: left, preview })
}

/// A preview has a pixel for each latent, so this takes microseconds; one that cannot be encoded is left out.
fn jpeg(image: &Rgb8) -> Option<String> {
    let options = EncodeOptions { quality: PREVIEW_QUALITY, ..EncodeOptions::new(Format::Jpeg) };
    encode(image, &options).ok().map(|bytes| BASE64.encode(bytes))
}

/// A preview at the size of its picture; one that cannot be made is left out.
async fn enlarged(preview: Rgb8, (width, height): (u32, u32), format: Format) -> Option<String> {
    let options =
        EncodeOptions { png_level: PngLevel::Fast, quality: PREVIEW_QUALITY, lossless: false, ..EncodeOptions::new(format) };
    let enlarged = tokio::task::spawn_blocking(move || encode(&resize_rgb(&preview, width, height)?, &options));
    enlarged.await.ok()?.ok().map(|bytes| BASE64.encode(bytes))
}

fn json_event(name: &str, data: &impl Serialize) -> SseEvent {
    let data = serde_json::to_string(data).expect("plain structs become JSON; this is a bug");
    SseEvent::default().event(name).data(data)
}
