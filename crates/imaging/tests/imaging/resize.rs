//! Equal to Pillow to the bit.

use crate::common::{file, noise, noise_picture};
use easel_imaging::{resize_gray, resize_rgb};
use easel_types::Gray8;

#[test]
fn lanczos_is_pillows_to_the_bit() {
    for (width, height, to_width, to_height) in [(37, 23, 16, 48), (37, 23, 64, 8), (64, 40, 64, 17), (9, 9, 40, 9)] {
        let name = format!("lanczos_{width}x{height}_{to_width}x{to_height}");
        let rgb = resize_rgb(&noise_picture(width, height), to_width, to_height).unwrap();
        assert_eq!(rgb.pixels(), file(&format!("{name}.rgb")), "{name}.rgb");
        let gray = Gray8::new(width, height, noise((width * height) as usize)).unwrap();
        let gray = resize_gray(&gray, to_width, to_height).unwrap();
        assert_eq!(gray.pixels(), file(&format!("{name}.gray")), "{name}.gray");
    }
}

#[test]
fn the_same_size_is_a_copy_and_no_size_is_an_error() {
    let picture = noise_picture(13, 7);
    assert_eq!(resize_rgb(&picture, 13, 7).as_ref(), Ok(&picture));
    assert!(resize_rgb(&picture, 0, 7).is_err());
    assert_eq!(resize_rgb(&noise_picture(1, 1), 50, 50).unwrap().pixels()[..3], noise(3));
    assert_eq!(resize_rgb(&noise_picture(500, 1), 1, 1).unwrap().pixels().len(), 3);
}
