// SPDX-License-Identifier: Apache-2.0
//! The words of a text and how often they come, and the features they have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::hash::Hash;
use super::text::{MAX_WORD, Words};
use super::vector::{ONE, Sum, damped};

/// What a word counts, each of its runs of characters, and a pair of neighbours. Long words, which
/// tell more than short ones, count more by having more runs. The best of the values tried at
/// finding a paragraph by its other half and by five of its words, half of them misspelt.
const WORD: i64 = ONE;
const GRAM: i64 = ONE * 2 / 5;
const PAIR: i64 = ONE / 4;

/// Lengths of the runs of characters.
const MIN_GRAM: usize = 3;
const MAX_GRAM: usize = 5;

/// Stand before and after a word in its runs of characters; no word holds them.
const BEGIN: u64 = 0x02;
const END: u64 = 0x03;

/// Words or pairs of a portion.
const PORTION: usize = 512;

/// The words of a text as far as it is read.
#[derive(Default)]
pub(super) struct Bag {
    words: Words,
    counts: Counts,
}

/// How often every word and every pair of neighbours comes. Runs of characters are not counted
/// themselves: those of a word count with the word.
#[derive(Default)]
struct Counts {
    words: HashMap<u64, Word>,
    pairs: HashMap<u64, u32>,
    /// The characters of all words, each once.
    characters: Vec<char>,
    before: Option<u64>,
}

pub(super) struct Word {
    times: u32,
    characters: Range<usize>,
}

/// The features of a whole text. Their order is arbitrary, and does not matter.
pub(super) struct Features {
    words: Vec<(u64, Word)>,
    pairs: Vec<(u64, u32)>,
    characters: Vec<char>,
}

/// Some of the features of a text.
pub(super) enum Portion<'f> {
    Words {
        words: &'f [(u64, Word)],
        characters: &'f [char],
    },
    Pairs(&'f [(u64, u32)]),
}

impl Bag {
    /// Reads the next piece of the text.
    pub(super) fn read(&mut self, piece: &str) {
        self.words.read(piece, |word| self.counts.add(word));
    }

    /// The text ends here.
    pub(super) fn finish(mut self) -> Features {
        self.words.end(&mut |word: &[char]| self.counts.add(word));
        let Counts {
            words,
            pairs,
            characters,
            before: _,
        } = self.counts;
        Features {
            words: words.into_iter().collect(),
            pairs: pairs.into_iter().collect(),
            characters,
        }
    }
}

impl Counts {
    fn add(&mut self, word: &[char]) {
        let hash = word
            .iter()
            .fold(Hash::WORD, |hash, &c| hash.then(c.into()))
            .finish();
        match self.words.entry(hash) {
            Entry::Occupied(mut known) => {
                let times = &mut known.get_mut().times;
                *times = times.saturating_add(1);
            }
            Entry::Vacant(new) => {
                let start = self.characters.len();
                self.characters.extend_from_slice(word);
                new.insert(Word {
                    times: 1,
                    characters: start..self.characters.len(),
                });
            }
        }
        if let Some(before) = self.before.replace(hash) {
            let pair = Hash::PAIR.then(before).then(hash).finish();
            let times = self.pairs.entry(pair).or_default();
            *times = times.saturating_add(1);
        }
    }
}

impl Features {
    /// All features, a portion at a time.
    pub(super) fn portions(&self) -> impl Iterator<Item = Portion<'_>> {
        let words = self.words.chunks(PORTION).map(|words| Portion::Words {
            words,
            characters: &self.characters,
        });
        words.chain(self.pairs.chunks(PORTION).map(Portion::Pairs))
    }
}

impl Portion<'_> {
    /// Adds these features to `sum`; the work it took, in bytes of text that could have been read.
    pub(super) fn add_to(&self, sum: &mut Sum) -> usize {
        match self {
            Self::Words { words, characters } => {
                let mut work = 0;
                for (hash, word) in *words {
                    let damped = damped(word.times);
                    sum.add(*hash, scaled(damped, WORD));
                    let characters = characters.get(word.characters.clone()).unwrap_or_default();
                    add_grams(characters, scaled(damped, GRAM), sum);
                    work += 2 * characters.len();
                }
                work
            }
            Self::Pairs(pairs) => {
                for &(hash, times) in *pairs {
                    sum.add(hash, scaled(damped(times), PAIR));
                }
                pairs.len()
            }
        }
    }
}

/// Adds the runs of characters of `word`, its begin and end included, each with `weight`.
fn add_grams(word: &[char], weight: i64, sum: &mut Sum) {
    // A shorter word would only count twice.
    if word.len() < MIN_GRAM {
        return;
    }
    let mut bounded = [BEGIN; MAX_WORD + 2];
    for (place, &character) in bounded[1..].iter_mut().zip(word) {
        *place = character.into();
    }
    let end = word.len().min(MAX_WORD) + 1;
    bounded[end] = END;
    for start in 0..=end + 1 - MIN_GRAM {
        let mut hash = Hash::GRAM;
        for (before, &character) in bounded[start..=end].iter().take(MAX_GRAM).enumerate() {
            hash = hash.then(character);
            if before + 1 >= MIN_GRAM {
                sum.add(hash.finish(), weight);
            }
        }
    }
}

/// One weight times another, both in units of [`ONE`].
fn scaled(weight: i64, by: i64) -> i64 {
    weight * by / ONE
}
