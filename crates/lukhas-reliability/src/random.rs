// SPDX-License-Identifier: Apache-2.0
//! Numbers drawn from the caller's randomness.

use rand::Rng;

/// Evenly from 0 up to but not including 1.
pub(crate) fn fraction(rng: &mut (impl Rng + ?Sized)) -> f64 {
    /// 2^-53: the distance between the numbers that can be drawn.
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
}

/// Evenly from 0 up to but not including `bound`, which 2^64 exceeds by far: the bias is at most
/// `bound` / 2^64.
pub(crate) fn below(bound: u64, rng: &mut (impl Rng + ?Sized)) -> u64 {
    let wide = u128::from(rng.next_u64()) * u128::from(bound);
    // The upper half of a product with `bound` is below `bound`.
    (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn draws_are_even() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mean = (0..10_000).map(|_| fraction(&mut rng)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[below(3, &mut rng) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_700..10_300).contains(count)),
            "{counts:?}"
        );
        assert_eq!(below(1, &mut rng), 0);
    }
}
