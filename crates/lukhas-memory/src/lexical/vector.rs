// SPDX-License-Identifier: Apache-2.0
//! The sum of hashed features.

/// Weights are integers, in units of 2^-20: their sums do not depend on the order, and the largest
/// text stays far below the 2^53 up to which an `f64` holds integers exactly.
pub(super) const ONE: i64 = 1 << 20;

/// A sum of features: each adds its weight, with the sign that its hash gives, at the place that
/// its hash gives.
pub(super) struct Sum {
    places: Vec<i64>,
    is_empty: bool,
}

impl Sum {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            places: vec![0; dimensions],
            is_empty: true,
        }
    }

    pub(super) fn add(&mut self, hash: u64, weight: i64) {
        // The upper half of the bits scaled to the number of places; the lowest for the sign.
        let place = ((hash >> 32) * self.places.len() as u64) >> 32;
        self.is_empty = false;
        let signed = if hash & 1 == 0 { weight } else { -weight };
        if let Some(value) = self.places.get_mut(place as usize) {
            *value += signed;
        }
    }

    /// The sum scaled to length one; all zero when nothing was added.
    pub(super) fn into_unit(mut self) -> Vec<f32> {
        let length = self.length();
        if length > 0.0 {
            let scaled = |value| (value as f64 / length) as f32;
            return self.places.into_iter().map(scaled).collect();
        }
        // Where there are but few places, features can cancel each other out, and still there must
        // be a direction.
        if let (false, Some(first)) = (self.is_empty, self.places.first_mut()) {
            *first = 1;
        }
        self.places.into_iter().map(|value| value as f32).collect()
    }

    fn length(&self) -> f64 {
        let squares = self
            .places
            .iter()
            .map(|&value| (value as f64) * (value as f64));
        squares.sum::<f64>().sqrt()
    }
}

/// How much a feature counts that comes `times` times: 1 + ln(times), the logarithm to the base of
/// two being straight between its whole values, so that it needs no library's rounding.
pub(super) fn damped(times: u32) -> i64 {
    /// ln(2) in units of 2^-20.
    const LN_2: i64 = 726_817;
    let times = i64::from(times.max(1));
    let whole = times.ilog2();
    let part = ((times << 20) >> whole) - ONE;
    ONE + ((((i64::from(whole) << 20) + part) * LN_2) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damping_follows_the_logarithm() {
        assert_eq!(damped(1), ONE);
        for times in [2, 3, 4, 5, 100, 1_000, u32::MAX] {
            let exact = 1.0 + f64::from(times).ln();
            let error = exact - damped(times) as f64 / ONE as f64;
            assert!((-0.001..0.07).contains(&error), "{times}: {error}");
        }
        assert!((1..100_000).all(|times| damped(times) < damped(times + 1)));
    }

    #[test]
    fn every_place_is_used_evenly_and_with_both_signs() {
        for dimensions in [1, 7, 1024, 3072] {
            let mut sum = Sum::new(dimensions);
            let mut signs = 0;
            let count = 1000 * dimensions as u64;
            for number in 0..count {
                let hash = super::super::hash::Hash::WORD.then(number).finish();
                signs += i64::from(hash as u32 & 1);
                sum.add(hash & !1, 1);
            }
            let (min, max) = (
                sum.places.iter().min().unwrap(),
                sum.places.iter().max().unwrap(),
            );
            assert!(
                (800..=1000).contains(min) && (1000..1200).contains(max),
                "{min} to {max}"
            );
            let share = signs as f64 / count as f64;
            assert!(
                (0.45..0.55).contains(&share),
                "{share} of the signs are minus"
            );
        }
    }

    #[test]
    fn a_sum_has_unit_length_or_none() {
        let mut sum = Sum::new(3);
        assert_eq!(Sum::new(3).into_unit(), [0.0; 3]);
        sum.add(0, 3);
        sum.add(u64::MAX, 4);
        assert_eq!(sum.into_unit(), [0.6, 0.0, -0.8]);
        let mut cancelled = Sum::new(3);
        cancelled.add(2, 5);
        cancelled.add(3, 5);
        assert_eq!(
            cancelled.into_unit(),
            [1.0, 0.0, 0.0],
            "something is not nothing"
        );
    }
}
