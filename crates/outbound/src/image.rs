//! Pictures by address. What they are is told by their first bytes, whatever the other server calls them.

use bytes::Bytes;
use easel_imaging::Format;
use reqwest::{StatusCode, header};
use tokio::time::{Instant, timeout_at};

use crate::{Client, OutboundError, Request, client::read};

/// Enough to tell every format.
const SNIFF_LENGTH: usize = 12;

/// A picture as it was sent; not decoded, so its contents are as doubtful as those of any upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedImage {
    /// The file.
    pub bytes: Bytes,
    /// What its first bytes say it is.
    pub format: Format,
}

impl FetchedImage {
    /// Of bytes that came another way, within an answer for instance.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, OutboundError> {
        let format = Format::sniff(&bytes).ok_or(OutboundError::NotAnImage)?;
        Ok(Self { bytes, format })
    }
}

impl Client {
    /// Fetches a PNG, JPEG or WebP file; anything else is dropped after its first bytes.
    pub async fn fetch_image(&self, url: &str) -> Result<FetchedImage, OutboundError> {
        self.fetch_image_by(Request::get(url)).await
    }

    /// The same, with limits, headers and reach of the request's own.
    pub async fn fetch_image_by(&self, mut request: Request) -> Result<FetchedImage, OutboundError> {
        let limits = request.limits.unwrap_or(*self.limits());
        request.headers.insert(header::ACCEPT, header::HeaderValue::from_static("image/png,image/jpeg,image/webp"));
        let fetching = async {
            let (response, _) = self.follow(request, &limits).await?;
            if response.status() != StatusCode::OK {
                return Err(OutboundError::Status(response.status().as_u16()));
            }
            read(response, &limits, |bytes| {
                if bytes.len() >= SNIFF_LENGTH && Format::sniff(bytes).is_none() {
                    return Err(OutboundError::NotAnImage);
                }
                Ok(())
            })
            .await
        };
        let deadline = Instant::now() + limits.total;
        let bytes = timeout_at(deadline, fetching).await.map_err(|_| OutboundError::Timeout)??;
        FetchedImage::from_bytes(bytes)
    }
}
