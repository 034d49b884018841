//! What is wrong with a JPEG file that its decoder does not mind: an end that is missing, for which it puts grey, and passes over the
//! picture without end, each of which takes the time of a whole picture.

/// Cameras and encoders write about ten.
const SCANS_MAX: usize = 100;

/// Whether the file ends, and in reasonable time. A thumbnail within it has an end of its own, which does not count.
pub(crate) fn is_sound(file: &[u8]) -> bool {
    let Some(pixels) = first_scan(file) else { return false };
    // Among pixels 0xff is always followed by 0, unless it begins a marker.
    let (mut scans, mut ends) = (1, false);
    for pair in pixels.windows(2).filter(|pair| pair[0] == 0xff) {
        scans += usize::from(pair[1] == 0xda);
        ends |= pair[1] == 0xd9;
    }
    ends && scans <= SCANS_MAX
}

/// What follows the marker of the first scan. Before it come segments: a marker, a length that counts itself, the content.
fn first_scan(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(2..)?;
    loop {
        let [0xff, marker, tail @ ..] = rest else { return None };
        rest = match (marker, tail) {
            // Fill bytes may stand before a marker; some markers stand alone.
            (0xff, _) => &rest[1..],
            (0x01 | 0xd0..=0xd8, _) => tail,
            (0xda, _) => return Some(tail),
            (_, [high, low, ..]) => tail.get(usize::from(u16::from_be_bytes([*high, *low]))..)?,
            _ => return None,
        };
    }
}
