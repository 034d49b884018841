//! The counter-based generator Philox4x32-10 (Salmon et al. 2011), and cuRAND's normal numbers from its words.

/// 2⁻³², as cuRAND writes it.
pub(super) const UNIT: f32 = 2.328_306_4e-10;
/// 2π, as cuRAND writes it.
pub(super) const TURN: f32 = 6.283_185_5;

/// The four words of a counter under a key.
pub(super) fn philox(counter: [u32; 4], seed: u64) -> [u32; 4] {
    let wide = |a: u32, b: u32| u64::from(a) * u64::from(b);
    let (mut key0, mut key1) = (seed as u32, (seed >> 32) as u32);
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for _ in 0..10 {
        let (p0, p1) = (wide(c0, 0xd251_1f53), wide(c2, 0xcd9e_8d57));
        (c0, c1, c2, c3) = ((p1 >> 32) as u32 ^ c1 ^ key0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ key1, p0 as u32);
        key0 = key0.wrapping_add(0x9e37_79b9);
        key1 = key1.wrapping_add(0xbb67_ae85);
    }
    [c0, c1, c2, c3]
}

/// Two normal numbers of two words (Box–Muller in float32).
pub(super) fn normal_pair(x: u32, y: u32) -> (f32, f32) {
    const UNIT_TURN: f32 = UNIT * TURN;
    let u = (x as f32).mul_add(UNIT, UNIT / 2.0);
    let v = (y as f32).mul_add(UNIT_TURN, UNIT_TURN / 2.0);
    let radius = (-2.0 * u.ln()).sqrt();
    (radius * v.sin(), radius * v.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123() {
        assert_eq!(philox([0; 4], 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], u64::MAX), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let digits_of_pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox(digits_of_pi, 0x299f_31d0_a409_3822), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }
}
