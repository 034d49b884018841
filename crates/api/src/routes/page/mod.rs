//! `/`: one page on which a prompt becomes a picture, until the web application takes its place.

pub(crate) mod index;
