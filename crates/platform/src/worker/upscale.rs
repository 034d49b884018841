//! Enlarging a stored picture by resampling and sharpening. No detail is invented.

use std::sync::Arc;

use easel_imaging::{Finish, SIDE_MAX};
use easel_store::jobs::Job;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Held, Trouble, Worker,
    sources::{blocking, read},
};
use crate::{
    bus::What,
    jobs::Results,
    orders::{Order, Source},
};

/// Enlarged pictures are soft, and resampling alone leaves them so.
const SHARPNESS: f32 = 0.5;
/// The most pixels an enlarged picture has: 4K and a little more.
const PIXELS_MAX: u64 = 40_000_000;

impl Worker {
    pub(super) async fn upscale(
        &self,
        job: &Job,
        order: &Order,
        source: &Source,
        factor: u32,
        held: &mut Held,
    ) -> Result<Results, Trouble> {
        let decoded = read(&self.platform, &job.user_id, source).await?;
        let described = self.platform.images.described(&job.user_id, source).await?;
        let (width, height) = (decoded.rgb.width().saturating_mul(factor), decoded.rgb.height().saturating_mul(factor));
        if width.max(height) > SIDE_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(Trouble::refused("too_large", "the enlarged picture would be too large"));
        }
        self.platform.jobs.bus().tell(&job.id, &job.user_id, What::Started);
        held.sign(100);
        let begun = Instant::now();
        let platform = Arc::clone(&self.platform);
        let made =
            blocking(move || platform.finisher.finish(&decoded.rgb, &Finish { width, height, sharpness: SHARPNESS, mark: None }));
        let image = tokio::select! {
            stop = held.stopped() => return Err(Trouble::Stopped(stop)),
            image = made => image??,
        };
        let gpu_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let parameters = json!({ "task": "upscale", "source": source, "factor": factor });
        let kept = self.keeper.keep_made(job, &order.output.into(), image, described, parameters).await?;
        Ok(Results { images: vec![kept.image], gpu_ms })
    }
}
