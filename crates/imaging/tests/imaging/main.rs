//! Pictures in and out. One program, because each is linked with everything; `malformed` counts the memory of a process and has its own.

#[path = "../common/mod.rs"]
mod common;

mod bare;
mod canny;
mod decode;
mod finish;
mod infotext;
mod ingest;
mod png_text;
mod render;
mod resize;
