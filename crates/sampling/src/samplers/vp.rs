//! Signal and noise of variance-preserving latents `alpha * x0 + sigma * eps`.

/// The pair (alpha, sigma) with `alpha² + sigma² = 1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vp {
    pub(super) alpha: f64,
    pub(super) sigma: f64,
}

impl Vp {
    /// From a cumulative product of `1 - beta`.
    pub(super) fn from_alpha_bar(alpha_bar: f64) -> Self {
        Self { alpha: alpha_bar.sqrt(), sigma: (1.0 - alpha_bar).sqrt() }
    }

    /// From the ratio sigma / alpha, which is what schedules call sigma.
    pub(super) fn from_sigma(sigma: f64) -> Self {
        let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { alpha, sigma: sigma * alpha }
    }
}
