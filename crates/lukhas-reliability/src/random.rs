// SPDX-License-Identifier: Apache-2.0
//! Numbers drawn from the caller's randomness.

use rand::Rng;

/// Evenly from 0 up to but not including 1.
pub(crate) fn fraction(rng: &mut (impl Rng + ?Sized)) -> f64 {
    /// 2^-53: the distance between the numbers that can be drawn.
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
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
    }
}
