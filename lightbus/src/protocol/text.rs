//! Text of others, cut to a length that can be shown and sent.

/// The longest beginning of `text` that has at most `limit` bytes and ends between two characters.
pub(crate) fn truncate(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        for (limit, expected) in [(0, ""), (1, ""), (2, "ä"), (3, "ä"), (4, "äö"), (9, "äö")] {
            assert_eq!(truncate("äö", limit), expected, "{limit}");
        }
    }
}
