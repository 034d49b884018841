//! The visible mark on pictures of free plans: a line of text in the lower right corner, white within a dark outline so that it is seen
//! on any ground.
//!
//! The font is built in (`assets/`): Latin, Greek and Cyrillic. Size and place follow the picture, so that a thumbnail's mark and a 4K
//! picture's look alike. A mark is a deterrent, not a proof: whoever wants to can cut it off.

use ab_glyph::{Font, FontRef, Glyph, ScaleFont, point};

use crate::ImagingError;

const FONT: &[u8] = include_bytes!("../assets/DejaVuSans-Bold-subset.ttf");

/// The text's height as a share of the picture's short side, and the least there is, in pixels.
const HEIGHT_SHARE: f32 = 1.0 / 20.0;
const HEIGHT_MIN: f32 = 11.0;
/// The most of the picture's width and height the text takes; a long one gets smaller letters.
const WIDTH_SHARE_MAX: f32 = 0.9;
const HEIGHT_SHARE_MAX: f32 = 0.5;
/// How much of the picture the letters and their outline cover.
const LETTER_OPACITY: f32 = 0.75;
const OUTLINE_OPACITY: f32 = 0.5;
/// How wide the outline is, as a share of the text's height.
const OUTLINE_SHARE: f32 = 0.06;
const TEXT_MAX: usize = 64;

/// A mark for pictures of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where it begins in the picture.
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// Its size; it lies within the picture.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Four bytes a pixel, colours multiplied by the opacity.
    pub(crate) rgba: Vec<u8>,
}

impl Mark {
    /// Whether a text can be drawn: 1 to 64 characters, all in the built-in font. For checking a configuration.
    pub fn check(text: &str) -> Result<(), ImagingError> {
        let font = font();
        let text = text.trim();
        if text.is_empty() || text.chars().count() > TEXT_MAX {
            return Err(ImagingError::MarkLength);
        }
        match text.chars().find(|&letter| font.glyph_id(letter).0 == 0) {
            Some(letter) => Err(ImagingError::MarkLetter(letter)),
            None => Ok(()),
        }
    }

    /// A text for finished pictures of `width` x `height` pixels.
    pub fn new(text: &str, width: u32, height: u32) -> Result<Self, ImagingError> {
        Self::check(text)?;
        if width == 0 || height == 0 {
            return Err(ImagingError::Size);
        }
        let font = font();
        let text = text.trim();
        let (wide, high) = (width as f32, height as f32);
        let wanted = (wide.min(high) * HEIGHT_SHARE).max(HEIGHT_MIN).min(high * HEIGHT_SHARE_MAX);
        let length = layout(&font, text, wanted).1;
        let size = wanted * (wide * WIDTH_SHARE_MAX / length).min(1.0);
        let (glyphs, length) = layout(&font, text, size);
        let outline = (size * OUTLINE_SHARE).max(1.0).round();
        let mark_width = ((length + 2.0 * outline).ceil() as u32).min(width);
        let mark_height = ((size + 2.0 * outline).ceil() as u32).min(height);
        let letters = coverage(&font, &glyphs, outline, (mark_width as usize, mark_height as usize));
        let margin = (size / 2.0) as u32;
        Ok(Self {
            x: (width - mark_width).saturating_sub(margin),
            y: (height - mark_height).saturating_sub(margin),
            width: mark_width,
            height: mark_height,
            rgba: outlined(&letters, mark_width as usize, outline as usize),
        })
    }
}

fn font() -> FontRef<'static> {
    FontRef::try_from_slice(FONT).expect("the built-in font can be read. This is a bug.")
}

/// The letters in their places, `size` pixels high, and the length of the line.
fn layout(font: &FontRef<'_>, text: &str, size: f32) -> (Vec<Glyph>, f32) {
    let font = font.as_scaled(size);
    let (mut glyphs, mut x): (Vec<Glyph>, f32) = (Vec::new(), 0.0);
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        if let Some(last) = glyphs.last() {
            x += font.kern(last.id, id);
        }
        glyphs.push(id.with_scale_and_position(size, point(x, font.ascent())));
        x += font.h_advance(id);
    }
    (glyphs, x.max(1.0))
}

/// How much of each pixel the letters cover, 0..=1; they begin `inset` pixels from the corner.
fn coverage(font: &FontRef<'_>, glyphs: &[Glyph], inset: f32, (width, height): (usize, usize)) -> Vec<f32> {
    let mut letters = vec![0.0f32; width * height];
    for outline in glyphs.iter().filter_map(|glyph| font.outline_glyph(glyph.clone())) {
        let corner = outline.px_bounds().min;
        outline.draw(|x, y, share| {
            let (x, y) = (corner.x + inset + x as f32, corner.y + inset + y as f32);
            if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
                let pixel = &mut letters[y as usize * width + x as usize];
                *pixel = (*pixel + share).min(1.0);
            }
        });
    }
    letters
}

/// White letters within a black outline, as bytes.
fn outlined(letters: &[f32], width: usize, outline: usize) -> Vec<u8> {
    let byte = |share: f32| (share * 255.0 + 0.5) as u8;
    let mut rgba = Vec::with_capacity(letters.len() * 4);
    for (letter, near) in letters.iter().zip(widened(letters, width, outline)) {
        let white = letter * LETTER_OPACITY;
        let opacity = white + near * OUTLINE_OPACITY * (1.0 - white);
        rgba.extend([byte(white), byte(white), byte(white), byte(opacity)]);
    }
    rgba
}

/// The largest value within `reach` pixels along each axis.
fn widened(values: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let most = |values: &mut dyn Iterator<Item = &f32>| values.fold(0.0f32, |most, value| most.max(*value));
    let across: Vec<f32> = values
        .chunks_exact(width)
        .flat_map(|row| (0..width).map(move |x| &row[x.saturating_sub(reach)..(x + reach + 1).min(width)]))
        .map(|near| most(&mut near.iter()))
        .collect();
    let height = values.len() / width;
    (0..values.len())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            let rows = y.saturating_sub(reach)..(y + reach + 1).min(height);
            most(&mut rows.map(|y| &across[y * width + x]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lies_within_pictures_of_any_size() {
        for (width, height) in [(1, 1), (2, 900), (900, 2), (64, 64), (512, 768), (4096, 4096), (16_384, 1)] {
            let mark = Mark::new("Made with Easel", width, height).unwrap();
            assert!(mark.x + mark.width <= width && mark.y + mark.height <= height, "{width}x{height}");
            assert_eq!(mark.rgba.len(), (mark.width * mark.height * 4) as usize);
            assert!(mark.rgba.chunks_exact(4).all(|pixel| pixel[0] <= pixel[3]), "colours are multiplied by the opacity");
        }
    }

    #[test]
    fn letters_are_where_the_text_is() {
        let mark = Mark::new("Easel", 1024, 1024).unwrap();
        let covered = mark.rgba.chunks_exact(4).filter(|pixel| pixel[0] > 128).count();
        let share = covered as f32 / (mark.width * mark.height) as f32;
        assert!((0.15..0.6).contains(&share), "{share}");
        assert!(mark.height > 40 && mark.width > 100, "{}x{}", mark.width, mark.height);
        assert!(Mark::new("Easel Easel", 1024, 1024).unwrap().width > mark.width);
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        assert_eq!(Mark::check("Сделано в Easel · Ζωγραφική"), Ok(()));
        assert_eq!(Mark::check("猫"), Err(ImagingError::MarkLetter('猫')));
        assert_eq!(Mark::check("  "), Err(ImagingError::MarkLength));
        assert_eq!(Mark::check(&"a".repeat(65)), Err(ImagingError::MarkLength));
    }
}
