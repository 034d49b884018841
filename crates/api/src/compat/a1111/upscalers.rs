//! What pictures are enlarged with: plain kernels. Modes that A1111 runs over latents are run over pixels with the same kernel, because no
//! latent leaves the engine; learnt upscalers are refused by name.

use easel_imaging::Kernel;
use serde::Serialize;
use utoipa::ToSchema;

/// A1111's latent modes, and their kernels.
const LATENT: [(&str, Kernel); 6] = [
    ("Latent", Kernel::Bilinear),
    ("Latent (antialiased)", Kernel::Bilinear),
    ("Latent (bicubic)", Kernel::Bicubic),
    ("Latent (bicubic antialiased)", Kernel::Bicubic),
    ("Latent (nearest)", Kernel::Nearest),
    ("Latent (nearest-exact)", Kernel::Nearest),
];

/// What enlarges pictures. "None" resizes all the same, where a size is asked for.
const PICTURES: [(&str, Kernel); 3] = [("None", Kernel::Lanczos), ("Lanczos", Kernel::Lanczos), ("Nearest", Kernel::Nearest)];

/// The kernel of a name of either list.
pub fn find(name: &str) -> Option<Kernel> {
    let all = PICTURES.iter().chain(&LATENT);
    let name = name.trim();
    all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kernel)| *kernel)
}

/// The names for messages.
pub fn known() -> String {
    PICTURES.iter().chain(&LATENT).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// An upscaler, as clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UpscalerView {
    /// Its name.
    #[schema(example = "Lanczos")]
    pub name: &'static str,
    /// Null: none of them is a model.
    pub model_name: Option<String>,
    /// Null.
    pub model_path: Option<String>,
    /// Null.
    pub model_url: Option<String>,
    /// The usual factor.
    pub scale: f64,
}

/// What enlarges pictures.
pub fn views() -> Vec<UpscalerView> {
    let view = |(name, _): &(&'static str, Kernel)| UpscalerView {
        name,
        model_name: None,
        model_path: None,
        model_url: None,
        scale: 4.0,
    };
    PICTURES.iter().map(view).collect()
}

/// A latent mode, as clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LatentModeView {
    /// Its name.
    #[schema(example = "Latent")]
    pub name: &'static str,
}

/// The latent modes.
pub fn latent_views() -> Vec<LatentModeView> {
    LATENT.iter().map(|(name, _)| LatentModeView { name }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_understood_and_models_are_not() {
        for view in views() {
            assert!(find(view.name).is_some(), "{}", view.name);
        }
        for view in latent_views() {
            assert!(find(view.name).is_some(), "{}", view.name);
        }
        assert_eq!(find("Latent (nearest-exact)"), Some(Kernel::Nearest));
        assert_eq!(find("R-ESRGAN 4x+"), None);
    }
}
