//! What goes into the two operations of a step that are about pictures instead of layers: the denoiser's input and the sampler's update.
//!
//! Both take the whole batch at once, with coefficients of each picture's own, so that a step costs the same few operations however many
//! pictures, samplers and guidance scales share it.

/// One picture's rows in the denoiser's input.
pub struct Input<'a, T> {
    /// The latents, (1, channels, height, width).
    pub latents: &'a T,
    /// Their factor.
    pub factor: f64,
    /// Channels that go behind them: all pictures of a batch have some, or none has.
    pub extra: Option<&'a T>,
    /// How often the row is repeated: once per branch.
    pub rows: usize,
}

/// One picture's update; the formula is [`easel_kernels::advance`]'s.
pub struct Update<'a, T> {
    /// The latents, (1, channels, height, width), as all tensors here.
    pub latents: &'a T,
    /// The row of the conditional output; the unconditional one follows it.
    pub row: usize,
    /// Guidance scale and rescaling; `None` is a picture without an unconditional row.
    pub guidance: Option<(f64, f64)>,
    /// The stored tensors.
    pub history: [Option<&'a T>; 3],
    /// The noise, on the host.
    pub noise: Option<&'a [f32]>,
    /// The part of the picture that is kept.
    pub blend: Option<Blend<'a, T>>,
    /// Coefficients of the next latents over (x, m, h1, h2, h3, z).
    pub x: [f64; 6],
    /// Coefficients over (x, m, h1, h2, h3) of the tensors that are computed anew.
    pub store: [Option<[f64; 5]>; 3],
}

/// What the kept part of a picture is set to.
pub struct Blend<'a, T> {
    /// 1 where the update holds, 0 where the picture is kept.
    pub mask: &'a T,
    /// The clean latents.
    pub image: &'a T,
    /// The initial noise.
    pub noise: &'a T,
    /// Factors of the two.
    pub factors: [f64; 2],
}

/// What an update gives.
pub struct Updated<T> {
    /// The next latents.
    pub latents: T,
    /// The stored tensors that were asked for.
    pub stored: [Option<T>; 3],
    /// No number is known to have stopped being finite. A device that would have to wait for the answer says `true`.
    pub finite: bool,
}
