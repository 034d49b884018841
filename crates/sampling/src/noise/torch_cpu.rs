//! `torch.randn` with a CPU generator.
//!
//! Sixteen numbers or more are made in blocks of sixteen with the polynomials of torch's AVX2 kernel (Cephes `logf`, `sinf`, `cosf` with
//! fused multiply-adds), written here with portable `f32::mul_add`: the same bits on every machine, faster where the target has FMA.
//! Fewer are made one by one in f64, and the second of a pair waits in the generator for the next call.

use super::mt19937::Mt19937;
use super::{Half, NoisePrecision, NoiseSource};

/// Numbers per block of the vector kernel.
const BLOCK: usize = 16;

/// torch's CPU generator.
#[derive(Debug, Clone)]
pub struct TorchCpu {
    generator: Mt19937,
    /// The sine half of the last scalar pair.
    cached: Option<f64>,
    precision: NoisePrecision,
}

impl TorchCpu {
    /// As `torch.Generator("cpu").manual_seed(seed)`.
    pub fn new(seed: u64) -> Self {
        Self::with_precision(seed, NoisePrecision::F32)
    }

    /// The same generator asked for tensors of another type.
    pub fn with_precision(seed: u64, precision: NoisePrecision) -> Self {
        Self { generator: Mt19937::new(seed), cached: None, precision }
    }

    fn uniform(&mut self) -> f32 {
        match self.precision {
            NoisePrecision::HalfLegacy(half) => {
                let digits = half.digits();
                (self.generator.bits() & ((1 << digits) - 1)) as f32 / (1u32 << digits) as f32
            }
            _ => self.generator.uniform_f32(),
        }
    }

    fn transform(&self, block: &mut [f32]) {
        match self.precision {
            NoisePrecision::HalfLegacy(half) => half_box_muller(block, half),
            _ => box_muller(block),
        }
    }

    /// `torch.rand`: uniform numbers in [0, 1).
    pub fn rand(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.generator.uniform_f32()).collect()
    }

    fn one(&mut self) -> f64 {
        if let Some(value) = self.cached.take() {
            return value;
        }
        let angle = std::f64::consts::TAU * self.generator.uniform_f64();
        let radius = (-2.0 * (-self.generator.uniform_f64()).ln_1p()).sqrt();
        self.cached = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

impl NoiseSource for TorchCpu {
    fn randn(&mut self, shape: &[usize]) -> Vec<f32> {
        let count = shape.iter().product();
        let mut numbers: Vec<f32>;
        if count < BLOCK {
            numbers = (0..count).map(|_| self.one() as f32).collect();
        } else {
            // Half types take their bits block by block, and so none for an incomplete last block.
            let drawn = match self.precision {
                NoisePrecision::F32ThenCast(_) => count - count % BLOCK,
                _ => count,
            };
            numbers = (0..drawn).map(|_| self.uniform()).collect();
            numbers.resize(count, 0.0);
            numbers.chunks_exact_mut(BLOCK).for_each(|block| self.transform(block));
            if !count.is_multiple_of(BLOCK) {
                // torch redraws the whole last block, so the tail depends on the length.
                let tail = &mut numbers[count - BLOCK..];
                tail.iter_mut().for_each(|number| *number = self.uniform());
                self.transform(tail);
            }
        }
        if let NoisePrecision::F32ThenCast(half) | NoisePrecision::HalfLegacy(half) = self.precision {
            numbers.iter_mut().for_each(|number| *number = half.round(*number));
        }
        numbers
    }
}

/// Turns sixteen uniform numbers into normal ones: eight radii, then eight angles.
fn box_muller(block: &mut [f32]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (u, v) in first.iter_mut().zip(second) {
        let radius = (-2.0 * log(1.0 - *u)).sqrt();
        let (sin, cos) = sin_cos(std::f32::consts::TAU * *v);
        (*u, *v) = (radius * cos, radius * sin);
    }
}

/// The same in a half type, every intermediate result rounded to it.
fn half_box_muller(block: &mut [f32], half: Half) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (u, v) in first.iter_mut().zip(second) {
        let log = half.round(half.round(1.0 - *u).ln());
        let radius = half.round(half.round(-2.0 * log).sqrt());
        let angle = half.round((std::f64::consts::TAU * f64::from(*v)) as f32);
        (*u, *v) = (radius * half.round(angle.cos()), radius * half.round(angle.sin()));
    }
}

/// Cephes `logf` for (0, 1], evaluated as the vector kernel evaluates it.
#[expect(clippy::excessive_precision, reason = "as Cephes prints them")]
fn log(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 8] = [
        -1.151_461_031_0e-1,
        1.167_699_874_0e-1,
        -1.242_014_084_6e-1,
        1.424_932_278_7e-1,
        -1.666_805_766_5e-1,
        2.000_071_476_5e-1,
        -2.499_999_399_3e-1,
        3.333_333_117_4e-1,
    ];
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let exponent = (bits >> 23) as i32 - 126;
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    let (exponent, x) = match mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        true => (exponent - 1, mantissa - 1.0 + mantissa),
        false => (exponent, mantissa - 1.0),
    };
    let exponent = exponent as f32;
    let square = x * x;
    let polynomial = COEFFICIENTS.iter().fold(7.037_683_629_2e-2f32, |sum, &c| sum.mul_add(x, c));
    let tail = (polynomial * x).mul_add(square, exponent * -2.121_944_4e-4);
    exponent.mul_add(0.693_359_375, x + (-0.5f32).mul_add(square, tail))
}

/// Cephes `sinf` and `cosf` for non-negative angles, evaluated as the vector kernel evaluates them.
fn sin_cos(angle: f32) -> (f32, f32) {
    let octant = ((angle * (4.0 / std::f32::consts::PI)) as i32 + 1) & !1;
    let n = octant as f32;
    let x = n.mul_add(-0.785_156_25, angle);
    let x = n.mul_add(-2.418_756_5e-4, x);
    let x = n.mul_add(-3.774_895e-8, x);
    let square = x * x;
    let cos = 2.443_315_7e-5f32.mul_add(square, -1.388_731_6e-3).mul_add(square, 4.166_664_6e-2) * square;
    let cos = cos.mul_add(square, -(0.5 * square)) + 1.0;
    let sin = (-1.951_529_6e-4f32).mul_add(square, 8.332_161e-3).mul_add(square, -1.666_665_5e-1) * square;
    let sin = sin.mul_add(x, x);
    let (sin, cos) = if octant & 2 == 0 { (sin, cos) } else { (cos, sin) };
    (if octant & 4 == 0 { sin } else { -sin }, if (octant + 2) & 4 == 0 { cos } else { -cos })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_starts_with(numbers: &[f32], expected: &[f32]) {
        for (got, want) in numbers.iter().zip(expected) {
            assert!((got - want).abs() <= 2e-6, "{got} is not {want}");
        }
    }

    #[test]
    fn a_block_is_torchs() {
        let numbers = TorchCpu::new(0).randn(&[4, 4]);
        assert_starts_with(&numbers, &[-1.1258398, -1.1523602, -0.25057858, -0.43387884, 0.84871036, 0.6920092]);
    }

    #[test]
    fn a_tail_redraws_the_last_block() {
        let numbers = TorchCpu::new(42).randn(&[20]);
        assert_starts_with(&numbers, &[1.9269154, 1.4872841, 0.9007172, -2.105521, -0.75813115, 1.0783176]);
    }

    #[test]
    fn current_torch_rounds_half_precision_at_the_end() {
        let numbers = TorchCpu::with_precision(0, NoisePrecision::F32ThenCast(Half::F16)).randn(&[16]);
        assert_eq!(numbers[..4], [-1.1259766, -1.1523438, -0.250_488_28, -0.433_837_9]);
    }

    #[test]
    fn legacy_half_precision_takes_the_same_bits() {
        let mut legacy = TorchCpu::with_precision(9, NoisePrecision::HalfLegacy(Half::Bf16));
        let mut plain = TorchCpu::new(9);
        assert_ne!(legacy.randn(&[37]), plain.randn(&[37]));
        assert_eq!(legacy.generator.bits(), plain.generator.bits());
    }

    #[test]
    fn a_few_numbers_come_one_by_one() {
        let expected = [0.3366903, 0.1288094, 0.2344624, 0.230333, -1.1228564, -0.1863283];
        assert_starts_with(&TorchCpu::new(42).randn(&[6]), &expected);
        let mut source = TorchCpu::new(42);
        let split = [source.randn(&[3]), source.randn(&[3])].concat();
        assert_starts_with(&split, &expected);
    }
}
