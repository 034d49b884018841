//! Picture bytes in and out: bounded decoding, resizing as Pillow does it, encoders, text in PNG files.
//!
//! One subject a file. No HTTP, no database, no tensors, no threads: functions over bytes, called from wherever there is time for them
//! (decoding and encoding take milliseconds, so an async server calls them on a blocking thread).
//!
//! Invariants: only PNG, JPEG and WebP are read, told apart by content; nothing is allocated before width and height are known to be
//! within limits; no input makes these functions panic; messages name no internals and are fit for clients.

mod decode;
mod encode;
mod error;
mod exif;
pub mod infotext;
pub mod mask;
mod png_text;
mod resize;

pub use decode::{DecodeLimits, Decoded, decode};
pub use encode::{EncodeOptions, Format, PngLevel, encode};
pub use error::ImagingError;
pub use infotext::Infotext;
pub use png_text::{PARAMETERS, read_png_text};
pub use resize::{resize_gray, resize_rgb};
