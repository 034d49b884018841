//! What pictures are enlarged with: plain kernels. A second pass in one of the latent modes goes on from the first one's latents; pixels are
//! enlarged with the same kernel where somebody enlarges a picture with such a mode. Learnt upscalers are refused by name.

use easel_imaging::Kernel;
use easel_types::LatentScaling;
use serde::Serialize;
use utoipa::ToSchema;

/// A1111's latent modes: what they do to latents, and the kernel that does the like to pixels.
const LATENT: [(&str, Kernel, LatentScaling); 6] = [
    ("Latent", Kernel::Bilinear, LatentScaling::Bilinear),
    ("Latent (antialiased)", Kernel::Bilinear, LatentScaling::BilinearAntialiased),
    ("Latent (bicubic)", Kernel::Bicubic, LatentScaling::Bicubic),
    ("Latent (bicubic antialiased)", Kernel::Bicubic, LatentScaling::BicubicAntialiased),
    ("Latent (nearest)", Kernel::Nearest, LatentScaling::Nearest),
    ("Latent (nearest-exact)", Kernel::Nearest, LatentScaling::NearestExact),
];

/// What enlarges pictures. "None" resizes all the same, where a size is asked for.
const PICTURES: [(&str, Kernel); 3] = [("None", Kernel::Lanczos), ("Lanczos", Kernel::Lanczos), ("Nearest", Kernel::Nearest)];

/// Both lists.
fn all() -> impl Iterator<Item = (&'static str, Kernel)> {
    PICTURES.into_iter().chain(LATENT.into_iter().map(|(name, kernel, _)| (name, kernel)))
}

/// The kernel of a name of either list.
pub fn find(name: &str) -> Option<Kernel> {
    all().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, kernel)| kernel)
}

/// How latents are enlarged, for the modes that enlarge them.
pub fn latent(name: &str) -> Option<LatentScaling> {
    LATENT.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name.trim())).map(|(.., scaling)| scaling)
}

/// The names for messages.
pub fn known() -> String {
    all().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
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
    LATENT.into_iter().map(|(name, ..)| LatentModeView { name }).collect()
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
        assert_eq!(latent("latent (bicubic antialiased)"), Some(LatentScaling::BicubicAntialiased));
        assert_eq!(latent("Lanczos"), None);
    }
}
