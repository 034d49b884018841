//! Storing what was drawn: finished, marked and written on a blocking thread, then stored under a name that the job gives it, so that a second
//! attempt writes the same files.

use std::sync::Arc;

use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_engine::Picture;
use easel_imaging::{
    EncodeOptions, Format, ImagingError, Infotext, PngLevel, RenderOptions, Rendered, THUMBNAIL_SIDE, made_by_ai, render,
};
use easel_store::{jobs::Job, users};
use easel_types::{Quality, Rgb8};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Trouble, infotext, sources::blocking};
use crate::{
    Platform, PlatformError,
    accounts::hex,
    jobs::NewImage,
    orders::{Output, OutputFormat},
    safety::{Looked, Seen},
};

/// The code of a picture that is not to be kept.
pub(crate) const BLOCKED: &str = "content_blocked";
/// What parameters call the category for which a moderator is asked.
pub(crate) const FLAGGED: &str = "flagged";
/// What parameters call a picture at which nobody could look.
pub(crate) const UNSEEN: &str = "unseen";
/// What pictures of plans with a mark say.
const MARK: &str = "made with Easel";

/// How a picture's file is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Writing {
    /// The format.
    pub format: Format,
    /// How large it becomes.
    pub quality: Quality,
    /// For JPEG and lossy WebP: 1..=100.
    pub compression: u8,
    /// For WebP.
    pub lossless: bool,
    /// Quick to write rather than small.
    pub fast: bool,
}

impl From<Output> for Writing {
    fn from(output: Output) -> Self {
        let format = match output.format {
            OutputFormat::Png => Format::Png,
            OutputFormat::Jpeg => Format::Jpeg,
            OutputFormat::Webp => Format::Webp,
        };
        let Output { quality, compression, lossless, .. } = output;
        Self { format, quality, compression, lossless, fast: false }
    }
}

/// A picture that is stored and belongs to no job yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What the job is ended with.
    pub image: NewImage,
    /// The file.
    pub bytes: Bytes,
}

/// Stores pictures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keeper {
    platform: Arc<Platform>,
    write_parameters: bool,
}

/// What is to be written.
struct Work {
    image: Rgb8,
    index: u32,
    prompt: String,
    parameters: Value,
    /// For the file.
    infotext: Option<String>,
    /// A machine drew it, which its file says.
    drawn: bool,
}

impl Keeper {
    /// Over this platform.
    pub fn new(platform: Arc<Platform>, write_parameters: bool) -> Self {
        Self { platform, write_parameters }
    }

    /// Stores a picture that was drawn for a job.
    pub async fn keep(&self, job: &Job, writing: &Writing, picture: Picture) -> Result<Kept, Trouble> {
        let text = infotext(&picture.resolved);
        self.keep_told(job, writing, picture, &text).await
    }

    /// Stores a picture that was drawn for a job, with a text of its own.
    pub async fn keep_told(&self, job: &Job, writing: &Writing, picture: Picture, text: &Infotext) -> Result<Kept, Trouble> {
        let parameters = serde_json::to_value(&picture.resolved).unwrap_or_default();
        let work = Work {
            index: picture.index,
            prompt: picture.resolved.prompt.clone(),
            infotext: self.write_parameters.then(|| text.to_string()),
            image: picture.image,
            parameters,
            drawn: true,
        };
        self.write(job, writing, work).await
    }

    /// Stores a picture that was made of another.
    pub async fn keep_made(
        &self,
        job: &Job,
        writing: &Writing,
        image: Rgb8,
        prompt: String,
        parameters: Value,
    ) -> Result<Kept, Trouble> {
        // Somebody's own photograph is none, however much it is enlarged.
        let drawn = parameters["source"]["from"] == "image";
        self.write(job, writing, Work { image, index: 0, prompt, parameters, infotext: None, drawn }).await
    }

    /// Stores a picture that somebody else has drawn.
    pub(crate) async fn keep_foreign(
        &self,
        job: &Job,
        writing: &Writing,
        (index, image): (u32, Rgb8),
        prompt: String,
        parameters: Value,
    ) -> Result<Kept, Trouble> {
        self.write(job, writing, Work { image, index, prompt, parameters, infotext: None, drawn: true }).await
    }

    /// The file of a picture that was stored.
    pub async fn read(&self, image: &NewImage) -> Result<Bytes, Trouble> {
        let key: Key = image.storage_key.parse().map_err(|error: easel_blobs::BlobError| PlatformError::from(error))?;
        let size = u64::try_from(image.bytes).unwrap_or(u64::MAX);
        Ok(self.platform.blobs.read_all(&key, size).await.map_err(PlatformError::from)?)
    }

    async fn write(&self, job: &Job, writing: &Writing, work: Work) -> Result<Kept, Trouble> {
        let mark = self.is_marked(&job.user_id).await?.then_some(MARK);
        let (platform, writing) = (Arc::clone(&self.platform), *writing);
        let Work { image, index, prompt, mut parameters, infotext, drawn } = work;
        let rendered = blocking(move || {
            let options = RenderOptions {
                quality: writing.quality,
                mark,
                encode: EncodeOptions {
                    png_level: if writing.fast { PngLevel::Fast } else { PngLevel::Balanced },
                    quality: writing.compression,
                    lossless: writing.lossless,
                    parameters: infotext.as_deref(),
                    ..EncodeOptions::new(writing.format)
                },
                thumbnail_side: THUMBNAIL_SIDE,
            };
            let mut rendered = render(&platform.finisher, &image, &options)?;
            if drawn {
                rendered.bytes = made_by_ai(rendered.bytes)?;
            }
            Ok::<_, ImagingError>(rendered)
        });
        let Rendered { bytes, format, width, height, thumbnail, blurhash } = rendered.await??;
        let sha256 = hex(&Sha256::digest(&bytes));
        let looked = Looked { user_id: &job.user_id, job_id: Some(&job.id), small: &thumbnail, sha256: &sha256 };
        let seen = self.platform.jobs.guard().look(looked).await.map_err(unfit)?;
        if let Value::Object(object) = &mut parameters {
            note(object, &writing, seen);
        }
        let label = format!("{}/{index}", job.id);
        let key = self.key(Folder::Output, kind_of(format), &label);
        let thumbnail_key = self.key(Folder::Thumb, FileKind::Webp, &label);
        let (bytes, thumbnail) = (Bytes::from(bytes), Bytes::from(thumbnail));
        let image = NewImage {
            index: i64::from(index),
            storage_key: key.as_str().to_owned(),
            thumbnail_key: Some(thumbnail_key.as_str().to_owned()),
            sha256,
            bytes: i64::try_from(bytes.len() + thumbnail.len()).unwrap_or(i64::MAX),
            width: i64::from(width),
            height: i64::from(height),
            format: format.name().to_owned(),
            prompt,
            blurhash: Some(blurhash),
            parameters: parameters.to_string(),
        };
        self.platform.blobs.replace(&key, bytes.clone()).await.map_err(PlatformError::from)?;
        self.platform.blobs.replace(&thumbnail_key, thumbnail).await.map_err(PlatformError::from)?;
        Ok(Kept { image, bytes })
    }

    fn key(&self, folder: Folder, kind: FileKind, label: &str) -> Key {
        Key::derived(folder, kind, &self.platform.secret, label)
    }

    /// Whether the owner's plan has a visible mark.
    async fn is_marked(&self, user_id: &str) -> Result<bool, PlatformError> {
        let user = users::by_id(&self.platform.context.db, user_id).await?;
        Ok(user.is_some_and(|user| self.platform.catalogue.of(&user, self.platform.context.now()).watermark))
    }
}

/// What was done beyond drawing, and what whoever looked at it has said.
fn note(parameters: &mut Map<String, Value>, writing: &Writing, seen: Seen) {
    parameters.insert("quality".to_owned(), Value::from(writing.quality.name()));
    match seen {
        Seen::Fit => {}
        Seen::Flagged(category) => drop(parameters.insert(FLAGGED.to_owned(), Value::from(category))),
        Seen::Unseen => drop(parameters.insert(UNSEEN.to_owned(), Value::from(true))),
    }
}

/// What is not to be kept will not be by drawing it again; who could not look may be back.
fn unfit(error: PlatformError) -> Trouble {
    match error {
        PlatformError::ContentBlocked { .. } => Trouble::refused(BLOCKED, error.to_string()),
        PlatformError::LookUnavailable => Trouble::passing("safety_unavailable", error.to_string()),
        error => error.into(),
    }
}

fn kind_of(format: Format) -> FileKind {
    match format {
        Format::Png => FileKind::Png,
        Format::Jpeg => FileKind::Jpeg,
        Format::Webp => FileKind::Webp,
    }
}
