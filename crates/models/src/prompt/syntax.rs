//! A1111's attention syntax, read into weighted pieces.
//!
//! `(x)` multiplies by 1.1, `[x]` divides by 1.1, `(x:1.3)` multiplies by 1.3; brackets nest and multiply; `\(`, `\)`, `\[`, `\]` and
//! `\\` stand for the character itself. Brackets left open reach to the end; closing ones too many are text. The order of multiplication
//! is A1111's (innermost bracket first), so weights agree to the last bit.
//!
//! Two differences, both where A1111 goes wrong: `BREAK` inside brackets breaks (there it becomes the word "break" with a negative weight),
//! and `(x:1.2.3)` is an error that names the number (there a Python exception).

use super::PromptError;

/// Whether brackets and `BREAK` mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PromptSyntax {
    /// A1111's attention syntax and `<lora:…>` tags.
    #[default]
    A1111,
    /// Every character is text, as in diffusers.
    Plain,
}

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Words of one weight.
    Text(String, f64),
    /// `BREAK`: what follows starts a new chunk.
    Break,
}

const STEP: f64 = 1.1;

/// Reads `text` into pieces; neighbours of equal weight are joined.
pub fn parse(text: &str) -> Result<Vec<Piece>, PromptError> {
    let mut reader = Reader::default();
    let mut rest = text;
    while !rest.is_empty() {
        let taken = reader.take(rest)?;
        rest = &rest[taken..];
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    pieces: Vec<Piece>,
    /// Where each open `(` and `[` starts among the pieces.
    round: Vec<usize>,
    square: Vec<usize>,
}

impl Reader {
    /// Takes one token from the start of `rest`, which is not empty; returns its length in bytes.
    fn take(&mut self, rest: &str) -> Result<usize, PromptError> {
        match rest.as_bytes()[0] {
            b'\\' => return Ok(self.take_escape(rest)),
            b'(' => self.round.push(self.pieces.len()),
            b'[' => self.square.push(self.pieces.len()),
            b')' => match self.round.pop() {
                Some(start) => self.multiply(start, STEP),
                None => self.text(")"),
            },
            b']' => match self.square.pop() {
                Some(start) => self.multiply(start, 1.0 / STEP),
                None => self.text("]"),
            },
            b':' => return self.take_colon(rest),
            _ => {
                let end = rest.find(['\\', '(', ')', '[', ']', ':']).unwrap_or(rest.len());
                self.words(&rest[..end]);
                return Ok(end);
            }
        }
        Ok(1)
    }

    /// A backslash before anything but a bracket or itself vanishes, as in A1111.
    fn take_escape(&mut self, rest: &str) -> usize {
        match rest.as_bytes().get(1) {
            Some(b'(' | b')' | b'[' | b']' | b'\\') => {
                self.text(&rest[1..2]);
                2
            }
            _ => 1,
        }
    }

    fn take_colon(&mut self, rest: &str) -> Result<usize, PromptError> {
        let Some((number, length)) = closing_weight(rest) else {
            self.text(":");
            return Ok(1);
        };
        match self.round.pop() {
            Some(start) => {
                let weight = number.parse().map_err(|_| PromptError::BadWeight(number.chars().take(40).collect()))?;
                self.multiply(start, weight);
            }
            None => self.text(&rest[..length]),
        }
        Ok(length)
    }

    fn text(&mut self, text: &str) {
        self.pieces.push(Piece::Text(text.to_owned(), 1.0));
    }

    /// Text in which the word `BREAK`, with the blanks around it, ends a chunk.
    fn words(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = find_break(rest) {
            self.text(rest[..at].trim_end());
            self.pieces.push(Piece::Break);
            rest = rest[at + BREAK.len()..].trim_start();
        }
        self.text(rest);
    }

    fn multiply(&mut self, start: usize, factor: f64) {
        for piece in &mut self.pieces[start..] {
            if let Piece::Text(_, weight) = piece {
                *weight *= factor;
            }
        }
    }

    fn finish(mut self) -> Result<Vec<Piece>, PromptError> {
        for start in std::mem::take(&mut self.round) {
            self.multiply(start, STEP);
        }
        for start in std::mem::take(&mut self.square) {
            self.multiply(start, 1.0 / STEP);
        }
        let mut joined: Vec<Piece> = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces {
            if let Piece::Text(text, weight) = &piece
                && !(*weight as f32).is_finite()
            {
                return Err(PromptError::WeightOverflow(text.chars().take(40).collect()));
            }
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before, a)), Piece::Text(text, b)) if *a == b => before.push_str(&text),
                (_, piece) => joined.push(piece),
            }
        }
        Ok(joined)
    }
}

/// The number in `: 1.3 )` and the length of the whole, if `rest` starts so.
fn closing_weight(rest: &str) -> Option<(&str, usize)> {
    let body = rest.strip_prefix(':')?.trim_start();
    let sign = usize::from(body.starts_with(['+', '-']));
    let digits = body[sign..].find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let after = body[sign + digits..].trim_start().strip_prefix(')')?;
    (digits > 0).then(|| (&body[..sign + digits], rest.len() - after.len()))
}

const BREAK: &str = "BREAK";

/// Where the whole word `BREAK` starts.
fn find_break(text: &str) -> Option<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(BREAK).map(|(at, _)| at).find(|&at| {
        !text[..at].chars().next_back().is_some_and(in_word) && !text[at + BREAK.len()..].chars().next().is_some_and(in_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces as A1111's own examples write them; `BREAK` has weight -1 there.
    fn pieces(text: &str) -> Vec<(String, f64)> {
        let name = |piece| match piece {
            Piece::Text(text, weight) => (text, weight),
            Piece::Break => (BREAK.to_owned(), -1.0),
        };
        parse(text).expect("well formed").into_iter().map(name).collect()
    }

    fn check(text: &str, expected: &[(&str, f64)]) {
        let expected: Vec<_> = expected.iter().map(|&(text, weight)| (text.to_owned(), weight)).collect();
        assert_eq!(pieces(text), expected, "{text}");
    }

    #[test]
    fn the_examples_a1111_documents() {
        check("normal text", &[("normal text", 1.0)]);
        check("an (important) word", &[("an ", 1.0), ("important", 1.1), (" word", 1.0)]);
        check("(unbalanced", &[("unbalanced", 1.1)]);
        check("\\(literal\\]", &[("(literal]", 1.0)]);
        check("(unnecessary)(parens)", &[("unnecessaryparens", 1.1)]);
        #[rustfmt::skip]
        check("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", &[
            ("a ", 1.0), ("house", 1.5730000000000004), (" ", 1.1), ("on", 1.0), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1),
            ("sky", 1.4641000000000006), (".", 1.1),
        ]);
    }

    #[test]
    fn brackets_that_do_not_match_are_text_or_reach_to_the_end() {
        check("a) b]", &[("a) b]", 1.0)]);
        check("[a", &[("a", 1.0 / 1.1)]);
        check("(a]", &[("a]", 1.1)]);
        check("x:1.3)", &[("x:1.3)", 1.0)]);
        check("(a:b)", &[("a:b", 1.1)]);
        check("(a: 1.5 )", &[("a", 1.5)]);
        check("(a:-.5)", &[("a", -0.5)]);
        check("[a:0.5]", &[("a:0.5", 1.0 / 1.1)]);
        check("(", &[]);
        check("", &[]);
    }

    #[test]
    fn backslashes() {
        check("a\\b \\\\ c\\", &[("ab \\ c", 1.0)]);
        check("(a\\))", &[("a)", 1.1)]);
    }

    #[test]
    fn break_is_a_whole_word_in_capitals() {
        check("a  BREAK\nb", &[("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
        check("BREAKFAST UNBREAK break", &[("BREAKFAST UNBREAK break", 1.0)]);
        check("(a BREAK b:1.5)", &[("a", 1.5), ("BREAK", -1.0), ("b", 1.5)]);
        check("a BREAK, BREAK", &[("a", 1.0), ("BREAK", -1.0), (",", 1.0), ("BREAK", -1.0), ("", 1.0)]);
    }

    #[test]
    fn numbers_that_are_none_are_named() {
        assert!(matches!(parse("(a:1.2.3)"), Err(PromptError::BadWeight(number)) if number == "1.2.3"));
        assert!(matches!(parse("(a:.)"), Err(PromptError::BadWeight(_))));
        assert!(matches!(parse(&format!("{}x", "(".repeat(5000))), Err(PromptError::WeightOverflow(_))));
    }
}
