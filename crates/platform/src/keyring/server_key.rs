//! Keys of other people's servers, as the operator's settings have them: in memory alone, and in no log.

use std::fmt;

use easel_outbound::header::HeaderValue;
use zeroize::Zeroizing;

/// The key of a server that the operator names.
#[derive(Clone)]
pub struct ServerKey(Zeroizing<String>);

impl ServerKey {
    /// As the operator wrote it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(Zeroizing::new(key.into()))
    }

    /// As the value of a header, after the name of a scheme; `None` if it cannot stand in one.
    pub(crate) fn header(&self, scheme: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{scheme}{}", self.0.as_str())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for ServerKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = ServerKey::new("hunter2");
        let header = key.header("Bearer ").expect("a header's value");
        assert_eq!(header, "Bearer hunter2");
        assert!(!format!("{key:?}{header:?}").contains("hunter2"));
        assert!(ServerKey::new("hunter2\n").header("").is_none(), "no header has lines");
    }
}
