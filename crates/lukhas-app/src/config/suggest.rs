// SPDX-License-Identifier: Apache-2.0
//! Did you mean …?

/// Of `candidates`, the one that `written` was most likely meant to be.
pub(crate) fn closest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let folded = written.to_lowercase().replace('-', "_");
    let distance =
        |candidate: &&str| strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
    let best = candidates.into_iter().min_by_key(distance)?;
    // A third of the letters may be wrong: less misses `max_body_byte`, more offers nonsense.
    (distance(&best) <= folded.chars().count().max(3) / 3).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, expected: Option<&str>) {
        let candidates = ["listen", "max_body_bytes", "max_header_bytes", "filter"];
        assert_eq!(closest(written, candidates), expected);
    }

    #[test]
    fn near_misses_are_found_and_strangers_are_not() {
        check("lisen", Some("listen"));
        check("LISTEN", Some("listen"));
        check("max-body-bytes", Some("max_body_bytes"));
        check("max_body_size", Some("max_body_bytes"));
        check("fliter", Some("filter"));
        check("workers", None);
        check("x", None);
        check("", None);
    }
}
