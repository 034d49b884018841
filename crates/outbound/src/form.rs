//! Forms with files (`multipart/form-data`, RFC 7578), written whole: they are sent once and never followed anywhere.

use bytes::{BufMut, Bytes, BytesMut};
use reqwest::header::HeaderValue;

use crate::Format;

/// A form's fields, in the order they were added.
#[derive(Clone, Default)]
pub struct Form {
    parts: Vec<(String, Bytes)>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl Form {
    /// A text. `name` is the program's own word, never somebody's input.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let head = format!("content-disposition: form-data; name=\"{name}\"\r\n");
        self.parts.push((head, Bytes::from(value.into())));
        self
    }

    /// A picture, under a name that says nothing but its format.
    #[must_use]
    pub fn image(mut self, name: &'static str, format: Format, bytes: impl Into<Bytes>) -> Self {
        let head = format!(
            "content-disposition: form-data; name=\"{name}\"; filename=\"{name}.{}\"\r\ncontent-type: {}\r\n",
            format.extension(),
            format.media_type(),
        );
        self.parts.push((head, bytes.into()));
        self
    }

    /// The value of `Content-Type`, and the body.
    pub(crate) fn encode(&self) -> (HeaderValue, Bytes) {
        let boundary = self.boundary();
        let mut body = BytesMut::new();
        for (head, content) in &self.parts {
            body.put_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
            body.put_slice(content);
            body.put_slice(b"\r\n");
        }
        body.put_slice(format!("--{boundary}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type = HeaderValue::from_str(&content_type).expect("letters and digits are a header. This is a bug.");
        (content_type, body.freeze())
    }

    /// A word that is in none of the contents: there are more of these words than contents could hold.
    fn boundary(&self) -> String {
        let used = |word: &str| {
            let finder = |content: &Bytes| content.windows(word.len()).any(|window| window == word.as_bytes());
            self.parts.iter().any(|(_, content)| finder(content))
        };
        (0_u64..).map(|n| format!("easel-form-{n:016x}")).find(|word| !used(word)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_as_it_was_filled_in_and_no_content_ends_it_early() {
        let evil = "\r\n--easel-form-0000000000000000--\r\n";
        let form = Form::default().text("prompt", evil).image("image", Format::Png, &b"\x89PNG"[..]);
        let (content_type, body) = form.encode();
        assert_eq!(content_type, "multipart/form-data; boundary=easel-form-0000000000000001");
        let wanted = format!(
            "--easel-form-0000000000000001\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n{evil}\r\n\
             --easel-form-0000000000000001\r\ncontent-disposition: form-data; name=\"image\"; filename=\"image.png\"\r\n\
             content-type: image/png\r\n\r\n"
        );
        assert!(body.starts_with(wanted.as_bytes()), "{}", String::from_utf8_lossy(&body));
        assert!(body.ends_with(b"\x89PNG\r\n--easel-form-0000000000000001--\r\n"));
    }
}
