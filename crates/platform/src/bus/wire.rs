//! How news crosses nodes: as JSON, with the node it comes from.

use serde::{Deserialize, Serialize};

use super::{News, What};

#[derive(Serialize, Deserialize)]
struct Message<N> {
    node: String,
    news: N,
}

/// `None` for a preview that does not fit. Everything else is small.
pub(super) fn encode(node: &str, news: &News, bytes_max: usize) -> Option<String> {
    if matches!(&news.what, What::Preview { jpeg, .. } if jpeg.len() >= bytes_max) {
        return None;
    }
    serde_json::to_string(&Message { node: node.to_owned(), news }).ok().filter(|text| text.len() <= bytes_max)
}

/// `None` for what this node said itself, and for what it does not understand: nodes of two versions share a channel during an upgrade.
pub(super) fn decode(node: &str, text: &str) -> Option<News> {
    let message: Message<News> = serde_json::from_str(text).ok()?;
    (message.node != node).then_some(message.news)
}

#[cfg(test)]
mod tests {
    use easel_store::jobs::JobState;

    use super::*;

    #[test]
    fn what_is_written_is_read_by_others_and_fits() {
        let of = |what| News { job_id: "j".to_owned(), user_id: "u".to_owned(), what };
        for what in [
            What::Ended { state: JobState::Completed },
            What::Leave { all: true },
            What::Step { index: 3, total: 20, seconds_left: 0.5 },
            What::Preview { picture: 2, jpeg: "AAAA".to_owned() },
        ] {
            let text = encode("a", &of(what.clone()), 7999).unwrap();
            assert_eq!(decode("b", &text), Some(of(what)));
            assert_eq!(decode("a", &text), None, "its own");
        }
        assert_eq!(encode("a", &of(What::Preview { picture: 0, jpeg: "A".repeat(7950) }), 7999), None);
        for odd in ["", "{}", "[]", r#"{"node":"b","news":{"job_id":"j","user_id":"u","what":{"type":"new_in_v2"}}}"#] {
            assert_eq!(decode("a", odd), None, "{odd}");
        }
    }
}
