//! Picture bytes in and out: bounded decoding, resizing as Pillow does it, enlarging and sharpening, the visible mark, encoders, text in
//! PNG files.
//!
//! One subject a file. No HTTP, no database, no tensors: functions over bytes, called from wherever there is time for them (they take
//! milliseconds to seconds, so an async server calls them on a blocking thread).
//!
//! Invariants: only PNG, JPEG and WebP are read, told apart by content; nothing is allocated before width and height are known to be
//! within limits; no input makes these functions panic; of a file that is read nothing but its pixels is kept; messages name no internals
//! and are fit for clients.

mod bare;
pub mod blur;
pub mod canny;
mod colour;
mod decode;
mod encode;
mod error;
mod exif;
mod finish;
mod format;
pub mod infotext;
mod ingest;
mod jpeg;
mod mark;
pub mod mask;
mod origin;
mod parameters;
mod png_text;
mod render;
pub mod repaint;
mod resample;
mod resize;
mod thumbnail;
mod webp;

pub use bare::bare;
pub use decode::{DecodeLimits, Decoded, decode};
pub use encode::{EncodeOptions, PngLevel, encode, encode_with_alpha};
pub use error::ImagingError;
pub use finish::{Description, Finish, Finisher, Processor, SIDE_MAX};
pub use format::Format;
pub use infotext::Infotext;
pub use ingest::{Ingested, ingest};
pub use mark::Mark;
pub use origin::made_by_ai;
pub use parameters::read_parameters;
pub use png_text::{PARAMETERS, read_png_text};
pub use render::{RenderOptions, Rendered, render};
pub use resample::{Kernel, resample};
pub use resize::{resize_gray, resize_rgb};
pub use thumbnail::{THUMBNAIL_SIDE, blurhash, thumbnail};
