//! The data that comes with the program: one file for each category.

/// Counts the editions of the data below.
pub(super) const EDITION: u32 = 1;

pub(super) const CATEGORIES: &str = include_str!("../../data/categories.jsonl");

/// In the order of `categories.jsonl`.
pub(super) const STYLES: &[(&str, &str)] = &[
    ("photography.jsonl", include_str!("../../data/styles/photography.jsonl")),
    ("realism.jsonl", include_str!("../../data/styles/realism.jsonl")),
    ("film.jsonl", include_str!("../../data/styles/film.jsonl")),
    ("illustration.jsonl", include_str!("../../data/styles/illustration.jsonl")),
    ("community.jsonl", include_str!("../../data/styles/community.jsonl")),
    ("anime.jsonl", include_str!("../../data/styles/anime.jsonl")),
    ("manga.jsonl", include_str!("../../data/styles/manga.jsonl")),
    ("manhwa.jsonl", include_str!("../../data/styles/manhwa.jsonl")),
    ("comics.jsonl", include_str!("../../data/styles/comics.jsonl")),
    ("painting.jsonl", include_str!("../../data/styles/painting.jsonl")),
    ("print.jsonl", include_str!("../../data/styles/print.jsonl")),
    ("drawing.jsonl", include_str!("../../data/styles/drawing.jsonl")),
    ("render.jsonl", include_str!("../../data/styles/render.jsonl")),
    ("pixel.jsonl", include_str!("../../data/styles/pixel.jsonl")),
    ("architecture.jsonl", include_str!("../../data/styles/architecture.jsonl")),
    ("product.jsonl", include_str!("../../data/styles/product.jsonl")),
    ("fashion.jsonl", include_str!("../../data/styles/fashion.jsonl")),
    ("food.jsonl", include_str!("../../data/styles/food.jsonl")),
    ("nature.jsonl", include_str!("../../data/styles/nature.jsonl")),
    ("landscape.jsonl", include_str!("../../data/styles/landscape.jsonl")),
    ("portrait.jsonl", include_str!("../../data/styles/portrait.jsonl")),
    ("fantasy.jsonl", include_str!("../../data/styles/fantasy.jsonl")),
    ("scifi.jsonl", include_str!("../../data/styles/scifi.jsonl")),
    ("horror.jsonl", include_str!("../../data/styles/horror.jsonl")),
    ("history.jsonl", include_str!("../../data/styles/history.jsonl")),
    ("craft.jsonl", include_str!("../../data/styles/craft.jsonl")),
    ("type.jsonl", include_str!("../../data/styles/type.jsonl")),
    ("abstract.jsonl", include_str!("../../data/styles/abstract.jsonl")),
    ("science.jsonl", include_str!("../../data/styles/science.jsonl")),
    ("game.jsonl", include_str!("../../data/styles/game.jsonl")),
];
