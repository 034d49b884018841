//! Gaussian blur of masks, with the kernel of OpenCV's `GaussianBlur` as A1111 calls it: 2.5 standard deviations on each side, mirrored at
//! the edges without repeating the edge itself.

use easel_types::Gray8;

/// Wider than any mask needs; a bound on what a request can cost.
pub const SIGMA_MAX: f64 = 256.0;

/// Blurs a mask by these standard deviations in pixels; 0 leaves an axis as it is.
pub fn blur_gray(mask: &Gray8, sigma_x: f64, sigma_y: f64) -> Gray8 {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let wide = along(mask.pixels(), width, height, &kernel(sigma_x), true);
    let both = along(&wide, width, height, &kernel(sigma_y), false);
    Gray8::new(mask.width(), mask.height(), both).expect("one byte for every pixel of the original; this is a bug")
}

fn kernel(sigma: f64) -> Vec<f64> {
    if sigma.is_nan() || sigma <= 0.0 {
        return vec![1.0];
    }
    let sigma = sigma.min(SIGMA_MAX);
    let radius = (2.5 * sigma + 0.5) as i64;
    let raw: Vec<f64> = (-radius..=radius).map(|x| (-((x * x) as f64) / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / sum).collect()
}

fn along(pixels: &[u8], width: usize, height: usize, kernel: &[f64], horizontal: bool) -> Vec<u8> {
    if kernel.len() == 1 {
        return pixels.to_vec();
    }
    let radius = (kernel.len() / 2) as i64;
    let length = if horizontal { width } else { height };
    let mut out = Vec::with_capacity(pixels.len());
    for y in 0..height {
        for x in 0..width {
            let at = if horizontal { x } else { y } as i64;
            let sum: f64 = kernel
                .iter()
                .zip(-radius..)
                .map(|(weight, offset)| {
                    let from = mirrored(at + offset, length);
                    let value = if horizontal { pixels[y * width + from] } else { pixels[from * width + x] };
                    weight * f64::from(value)
                })
                .sum();
            out.push(sum.round().clamp(0.0, 255.0) as u8);
        }
    }
    out
}

/// `dcb|abcd|cba`.
fn mirrored(at: i64, length: usize) -> usize {
    let last = length as i64 - 1;
    if last <= 0 {
        return 0;
    }
    let folded = at.rem_euclid(2 * last);
    (if folded > last { 2 * last - folded } else { folded }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_bell_and_an_even_mask_stays() {
        let mut pixels = vec![0; 81];
        pixels[40] = 255;
        let blurred = blur_gray(&Gray8::new(9, 9, pixels).expect("a size"), 1.0, 1.0);
        // cv2.GaussianBlur with ksize 7 and sigma 1: 255 * 0.39905² = 40.6, and 24.6 beside it.
        assert_eq!((blurred.pixels()[40], blurred.pixels()[41], blurred.pixels()[31]), (41, 25, 25));
        let even = Gray8::new(5, 3, vec![200; 15]).expect("a size");
        assert_eq!(blur_gray(&even, 4.0, 4.0), even);
    }

    #[test]
    fn axes_are_blurred_apart_and_nothing_changes_without_sigma() {
        let mask = Gray8::new(4, 2, vec![0, 255, 0, 0, 0, 255, 0, 0]).expect("a size");
        assert_eq!(blur_gray(&mask, 0.0, 0.0), mask);
        assert_eq!(blur_gray(&mask, 0.0, 3.0), mask, "rows are the same");
        assert_ne!(blur_gray(&mask, 3.0, 0.0), mask);
        assert_eq!(blur_gray(&mask, f64::NAN, 0.0), mask);
    }

    #[test]
    fn edges_are_mirrored() {
        assert_eq!((-3..7).map(|at| mirrored(at, 4)).collect::<Vec<_>>(), [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(mirrored(-5, 1), 0);
    }
}
