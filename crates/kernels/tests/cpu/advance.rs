//! The fused update against the formula written out per element, over random shapes and coefficients.

#![allow(missing_docs)]

use easel_kernels::advance::{Blend, Guidance, Update, advance};

/// Marsaglia's xorshift: the same cases on every run.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// -2..2.
    fn number(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 51) as f64 - 2.0
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.bits().is_multiple_of(n)
    }

    fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.number() as f32).collect()
    }

    /// Coefficients, a third of them 0.
    fn coefficients<const N: usize>(&mut self) -> [f64; N] {
        std::array::from_fn(|_| if self.one_in(3) { 0.0 } else { self.number() })
    }
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

fn guided(update: &Update<'_>) -> Vec<f64> {
    let c: Vec<f64> = update.output.iter().map(|v| f64::from(*v)).collect();
    let Some(guidance) = update.guidance else { return c };
    let g = guidance.scale;
    let m: Vec<f64> = c.iter().zip(guidance.unconditional).map(|(c, u)| (1.0 - g) * f64::from(*u) + g * c).collect();
    let ratio = deviation(&c) / deviation(&m);
    m.iter().map(|m| m * (guidance.rescale * ratio + 1.0 - guidance.rescale)).collect()
}

/// The formula of the module, and the largest size the numbers in it have.
fn reference(update: &Update<'_>, m: &[f64], coefficients: &[f64], i: usize) -> f64 {
    let old = |values: Option<&[f32]>| values.map_or(0.0, |values| f64::from(values[i]));
    let [h1, h2, h3] = update.history;
    let sources = [old(Some(update.latents)), m[i], old(h1), old(h2), old(h3), old(update.noise)];
    coefficients.iter().zip(sources).map(|(a, b)| a * b).sum()
}

#[test]
fn the_fused_update_is_the_formula() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for case in 0..400 {
        let len = [4, 7, 511, 512, 513, 1024, 1337][case % 7] + (random.bits() % 3) as usize;
        let tensors: Vec<Vec<f32>> = (0..9).map(|_| random.values(len)).collect();
        let mask: Vec<f32> = (0..len).map(|_| f32::from(u8::from(random.one_in(2)))).collect();
        let guidance = Guidance { unconditional: &tensors[1], scale: 1.0 + random.number().abs() * 4.0, rescale: 0.0 };
        let rescale = if random.one_in(2) { 0.7 } else { 0.0 };
        let blend = Blend {
            mask: &mask,
            image: &tensors[2],
            noise: &tensors[3],
            image_factor: random.number(),
            noise_factor: if random.one_in(3) { 0.0 } else { random.number() },
        };
        let update = Update {
            latents: &tensors[0],
            output: &tensors[4],
            guidance: (!random.one_in(3)).then_some(Guidance { rescale, ..guidance }),
            history: [5, 6, 7].map(|i| (!random.one_in(3)).then_some(tensors[i].as_slice())),
            noise: (!random.one_in(2)).then_some(tensors[8].as_slice()),
            blend: random.one_in(3).then_some(blend),
            x: random.coefficients(),
            store: std::array::from_fn(|_| (!random.one_in(3)).then(|| random.coefficients())),
        };
        let got = advance(&update);
        assert!(got.finite);
        let m = guided(&update);
        let close = |got: f32, expected: f64| (f64::from(got) - expected).abs() <= 1e-6 * expected.abs().max(1.0);
        for i in 0..len {
            let next = reference(&update, &m, &update.x, i);
            let next = match &update.blend {
                Some(blend) if mask[i] == 0.0 => {
                    blend.image_factor * f64::from(blend.image[i]) + blend.noise_factor * f64::from(blend.noise[i])
                }
                _ => next,
            };
            assert!(close(got.latents[i], next), "case {case}, element {i}: {} instead of {next}", got.latents[i]);
            for (k, coefficients) in update.store.iter().enumerate() {
                assert_eq!(got.stored[k].is_some(), coefficients.is_some());
                if let (Some(values), Some(coefficients)) = (&got.stored[k], coefficients) {
                    let expected = reference(&update, &m, coefficients, i);
                    assert!(close(values[i], expected), "case {case}, element {i}, tensor {k}");
                }
            }
        }
    }
}

fn plain<'a>(latents: &'a [f32], output: &'a [f32]) -> Update<'a> {
    let x = [1.0, 0.5, 0.0, 0.0, 0.0, 0.0];
    Update { latents, output, guidance: None, history: [None; 3], noise: None, blend: None, x, store: [None; 3] }
}

#[test]
fn what_has_no_weight_is_not_read() {
    let (x, m, bad) = ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let history = [Some(&bad[..]); 3];
    let guidance = Some(Guidance { unconditional: &bad, scale: 1.0, rescale: 0.0 });
    let blend = Blend { mask: &[1.0; 3], image: &bad, noise: &bad, image_factor: 0.0, noise_factor: 0.0 };
    let update = Update { history, noise: Some(&bad), guidance, blend: Some(blend), ..plain(&x, &m) };
    let got = advance(&update);
    assert_eq!((got.latents, got.finite), (vec![2.0, 3.0, 4.0], true));
    let unread = Update { output: &bad, x: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0], ..plain(&x, &m) };
    assert_eq!(advance(&unread).latents, x);
}

#[test]
fn what_is_not_finite_is_noticed_wherever_it_is_written() {
    let good: Vec<f32> = (0..1500).map(|i| i as f32).collect();
    for place in [0, 511, 512, 1499] {
        let mut bad = good.clone();
        bad[place] = f32::NAN;
        assert!(!advance(&plain(&good, &bad)).finite, "element {place}");
        let only_stored = Update {
            x: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            store: [None, None, Some([0.0, 1.0, 0.0, 0.0, 0.0])],
            ..plain(&good, &bad)
        };
        assert!(!advance(&only_stored).finite, "element {place}");
    }
    assert!(advance(&plain(&good, &good)).finite);
    // A finite sum that f32 cannot hold.
    assert!(!advance(&Update { x: [1e300, 0.0, 0.0, 0.0, 0.0, 0.0], ..plain(&good, &good) }).finite);
}
