//! What nobody may read: keys of accounts and of webhooks.
//!
//! There is no `Display`, no `Serialize`, and `Debug` says nothing. The only ways out are a header that is marked sensitive and the bytes a
//! signature is made with; both stay within this crate.

use std::fmt;

use easel_outbound::header::HeaderValue;
use zeroize::Zeroizing;

/// A key. It is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Spaces around it come from copying and are taken off.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With a word in front, as the value of a header. `None` if no header can hold it.
    pub(crate) fn header(&self, scheme: &str) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{scheme}{}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// To sign with, and to hand to the provider as its half of a shared secret.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_it() {
        let secret = Secret::new(" sk-very-secret\n");
        let header = secret.header("Bearer ").unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer sk-very-secret");
        assert!(!format!("{secret:?} {header:?}").contains("very"));
        assert!(Secret::new("a\nb").header("").is_none());
        assert!(Secret::new(" ").is_empty());
    }
}
