//! What other sites make a preview of, when somebody posts the address of a page that shows a picture: Open Graph's tags, in the page as it is
//! sent. They tell what the page shows everybody, and nothing else.

use std::fmt::Write;

use easel_platform::social::PublicImage;

use crate::{AppState, Feature, generation::BaseUrl};

/// Characters of a prompt.
const DESCRIPTION_MAX: usize = 200;

/// The tags of the page at this path, if it shows a picture.
pub(super) async fn tags(state: &AppState, path: &str, base: &BaseUrl, looker: &str) -> Option<String> {
    let social = &state.platform.social;
    let (page, name) = path.trim_start_matches('/').split_once('/')?;
    if name.is_empty() || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return None;
    }
    // What is not there, or cannot be told now, is a page like any other.
    let (image, folder) = match page {
        "shared" => (social.open_share(name, looker).await.ok()?.image, format!("/api/v1/shared/{name}")),
        "explore" if state.config.features.has(Feature::Gallery) => {
            (social.view(None, name, looker).await.ok()?, format!("/api/v1/images/{name}/public"))
        }
        _ => return None,
    };
    Some(written(&image, &base.of_path(path), &base.of_path(&folder)))
}

fn written(image: &PublicImage, page: &str, folder: &str) -> String {
    let by = format!("A picture by {}", image.author.username);
    let title = image.title.as_deref().unwrap_or(&by);
    let file = if image.thumbnail_key.is_some() { "thumbnail" } else { "file" };
    let description: String = image.prompt.as_deref().unwrap_or(&by).chars().take(DESCRIPTION_MAX).collect();
    let mut tags = String::new();
    for (name, value) in [
        ("og:type", "website"),
        ("og:site_name", "Easel"),
        ("og:title", title),
        ("og:description", &description),
        ("og:url", page),
        ("og:image", &format!("{folder}/{file}")),
        ("twitter:card", "summary_large_image"),
    ] {
        writeln!(tags, "<meta property=\"{name}\" content=\"{}\" />", escaped(value)).unwrap_or_default();
    }
    tags
}

/// Nothing in it ends the attribute, or the tag.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_title_leaves_its_attribute() {
        assert_eq!(escaped("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }
}
