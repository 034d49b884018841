//! Prompts without comments: from `#` to the end of its line, as A1111 takes them out unless `enable_prompt_comments` is off.

/// A text without its comments, and without the space around what they leave; one that has none as it is.
pub fn without(text: &str) -> String {
    if !text.contains('#') {
        return text.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    // A line that is nothing but a comment leaves none behind, but for the second of two.
    let mut dropped = false;
    for line in text.split('\n') {
        let (words, is_comment) = match line.find('#') {
            None => (line, false),
            Some(at) => (&line[..at], at == 0),
        };
        dropped = is_comment && !dropped;
        if !dropped {
            kept.push(words.trim());
        }
    }
    kept.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn comments_are_taken_out_with_their_lines() {
        for (text, kept) in [
            ("a cat", "a cat"),
            (" a cat \n", " a cat \n"),
            ("# all of it", ""),
            ("a cat # big\na dog", "a cat\na dog"),
            ("a\n#c\nb", "a\nb"),
            ("a\n#c\n#d\nb", "a\n\nb"),
            ("#c\na", "a"),
            ("a #c", "a"),
            ("a##b\nc", "a\nc"),
            ("ein Kätzchen #groß\n猫", "ein Kätzchen\n猫"),
        ] {
            assert_eq!(without(text), kept, "{text:?}");
        }
    }
}
