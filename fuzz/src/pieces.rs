// SPDX-License-Identifier: Apache-2.0
//! Ways to cut an input.

/// `input` in pieces whose lengths its first byte decides, and the rest of it whole.
pub(crate) fn pieces(input: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let Some((&seed, whole)) = input.split_first() else {
        return (Vec::new(), input);
    };
    let (mut pieces, mut rest, mut state) = (Vec::new(), whole, usize::from(seed));
    while !rest.is_empty() {
        state = (state * 5 + 3) % 255;
        let (piece, after) = rest.split_at((1 + state % 17).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    (pieces, whole)
}
