//! A network of caches before this server, from which pictures that everybody may see are delivered. It fetches them here as anybody would, keeps
//! them, and asks each time whether what it has may still be shown; so what is withdrawn is gone there too.

use std::str::FromStr;

use axum::http::Uri;

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cdn {
    base: String,
    origin: String,
}

impl Cdn {
    /// Where something is found there that is found here under this path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// As policies name it.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for Cdn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "use an address such as https://cdn.example.org".to_owned();
        let base = text.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http")).ok_or_else(bad)?;
        // It stands in a policy, whose signs it must not have.
        let plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        let host = uri.authority().map(|authority| authority.as_str()).filter(plain).ok_or_else(bad)?;
        if uri.query().is_some() || base.contains('#') {
            return Err(bad());
        }
        Ok(Self { base: base.to_owned(), origin: format!("{scheme}://{host}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_taken() {
        let cdn: Cdn = "https://cdn.example:8443/easel/".parse().unwrap();
        assert_eq!((cdn.at("/api"), cdn.origin()), ("https://cdn.example:8443/easel/api".to_owned(), "https://cdn.example:8443"));
        for bad in [
            "",
            "cdn.example",
            "ftp://cdn.example",
            "https://",
            "https://a@cdn.example",
            "https://cdn.example/?a=b",
            "https://x;y",
        ] {
            assert!(bad.parse::<Cdn>().is_err(), "{bad}");
        }
    }
}
