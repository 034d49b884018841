//! Prompts without the tags of extra networks, `<lora:ink:0.8>`: with `disable_extra_networks` A1111 takes them out and does nothing with them.

/// A text without its tags: a word, a colon and something more between angle brackets.
pub fn without(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(open) = rest.find('<') {
        let (before, from) = rest.split_at(open);
        kept.push_str(before);
        rest = match tag(from) {
            Some(length) => &from[length..],
            None => {
                kept.push('<');
                &from[1..]
            }
        };
    }
    kept + rest
}

/// Bytes of the tag that a text begins with.
fn tag(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('<')?;
    let (kind, rest) = inside.split_once(':')?;
    let is_word = !kind.is_empty() && kind.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let end = rest.find('>').filter(|end| is_word && *end > 0)?;
    Some(1 + kind.len() + 1 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn tags_are_taken_out_and_nothing_else_is() {
        for (text, kept) in [
            ("a cat", "a cat"),
            ("a cat <lora:ink:0.8>", "a cat "),
            ("<lora:ink:0.8>a <hypernet:x:1>cat<lora:style/oil:1:0.5>", "a cat"),
            ("ein Kätzchen <lora:墨:1>, 猫", "ein Kätzchen , 猫"),
            ("1 < 2 <b> <lora:> <:x> <a b:c>", "1 < 2 <b> <lora:> <:x> <a b:c>"),
            ("<<lora:ink:1>>", "<>"),
            ("a <lora:ink", "a <lora:ink"),
            ("", ""),
        ] {
            assert_eq!(without(text), kept, "{text}");
        }
    }
}
