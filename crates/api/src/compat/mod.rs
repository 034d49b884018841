//! Other programs' wire formats and spellings, translated to Easel's own words. A format is one folder; nothing outside knows of them.

pub mod a1111;
pub mod fields;
pub mod names;
pub mod openai;
