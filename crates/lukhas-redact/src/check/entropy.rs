// SPDX-License-Identifier: Apache-2.0
//! Signs that a text was drawn by chance.

/// Bits for each character by the frequencies in `text` itself (Shannon).
pub(super) fn bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    // The texts are a few hundred bytes long.
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let used = counts.into_iter().filter(|&count| count > 0);
    used.map(|count| {
        let share = f64::from(count) / length;
        -share * share.log2()
    })
    .sum()
}

/// How many different bytes there are.
pub(super) fn distinct(text: &str) -> usize {
    let mut seen = [false; 256];
    for byte in text.bytes() {
        seen[usize::from(byte)] = true;
    }
    seen.into_iter().filter(|&seen| seen).count()
}

/// How often a letter and a digit stand side by side: rare in words, common in chance.
pub(super) fn changes(text: &str) -> usize {
    let pairs = text.as_bytes().windows(2);
    let changes = pairs.filter(|pair| match pair {
        [a, b] => {
            a.is_ascii_alphanumeric()
                && b.is_ascii_alphanumeric()
                && a.is_ascii_digit() != b.is_ascii_digit()
        }
        _ => false,
    });
    changes.count()
}
