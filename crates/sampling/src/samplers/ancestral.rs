//! Splitting a step into a deterministic part and fresh noise (k-diffusion's `get_ancestral_step`).

/// `(sigma_down, sigma_up)`: where the deterministic part goes, and how much noise brings it back to `next`.
pub(super) fn ancestral_step(sigma: f64, next: f64, eta: f64) -> (f64, f64) {
    if next == 0.0 {
        return (0.0, 0.0);
    }
    let variance = next * next * (sigma * sigma - next * next) / (sigma * sigma);
    let up = (eta * variance.max(0.0).sqrt()).min(next);
    ((next * next - up * up).max(0.0).sqrt(), up)
}
