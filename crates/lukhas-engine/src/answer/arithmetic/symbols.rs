// SPDX-License-Identifier: Apache-2.0
//! Arithmetic in plain text: signs, digits, and the English words for them.

use std::ops::Range;

use super::expression::Symbol;
use super::number::Number;

/// A piece of a sentence and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece<'t> {
    pub(super) text: &'t str,
    pub(super) range: Range<usize>,
    /// `None` for a word or mark that is not arithmetic.
    pub(super) symbol: Option<Symbol>,
}

/// Words for operators, longest first.
const OPERATORS: &[(&[&str], Symbol)] = &[
    (&["raised", "to", "the", "power", "of"], Symbol::Power),
    (&["to", "the", "power", "of"], Symbol::Power),
    (&["multiplied", "by"], Symbol::Times),
    (&["divided", "by"], Symbol::Divide),
    (&["percent", "of"], Symbol::Percent),
    (&["percent"], Symbol::Percent),
    (&["plus"], Symbol::Plus),
    (&["minus"], Symbol::Minus),
    (&["times"], Symbol::Times),
    (&["over"], Symbol::Divide),
    (&["modulo"], Symbol::Modulo),
    (&["mod"], Symbol::Modulo),
    (&["squared"], Symbol::Raised(2)),
    (&["cubed"], Symbol::Raised(3)),
];

const NUMERALS: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// The pieces of `text`, in order.
pub(super) fn read(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let len = if c.is_ascii_digit() || c == '.' && digit_at(text, at + 1) {
            number_len(&text[at..])
        } else if c.is_alphabetic() {
            text[at..]
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(text.len() - at)
        } else if text[at..].starts_with("**") {
            2
        } else {
            c.len_utf8()
        };
        if !c.is_whitespace() {
            let range = at..at + len;
            pieces.push(Piece {
                text: &text[range.clone()],
                symbol: sign(&text[range.clone()]),
                range,
            });
        }
        at += len;
    }
    name_words(&mut pieces);
    settle_percents(&mut pieces);
    pieces
}

fn digit_at(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

/// Digits with commas between thousands and at most one point.
fn number_len(text: &str) -> usize {
    let mut end = 0;
    let mut point = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => end = at + 1,
            b'.' if !point && digit_at(text, at + 1) => point = true,
            b',' if !point && end == at && thousands(&text[at + 1..]) => {}
            _ => break,
        }
    }
    end
}

fn thousands(text: &str) -> bool {
    text.bytes().take_while(u8::is_ascii_digit).count() == 3
}

fn sign(text: &str) -> Option<Symbol> {
    Some(match text {
        "+" => Symbol::Plus,
        "-" | "−" | "–" => Symbol::Minus,
        "*" | "×" | "·" | "⋅" => Symbol::Times,
        "/" | "÷" => Symbol::Divide,
        "^" | "**" => Symbol::Power,
        "%" => Symbol::Percent,
        "²" => Symbol::Raised(2),
        "³" => Symbol::Raised(3),
        "(" => Symbol::Open,
        ")" => Symbol::Close,
        digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            Symbol::Number(Number::parse(digits)?)
        }
        _ => return None,
    })
}

/// Gives the words for operators and numbers their symbols.
fn name_words(pieces: &mut Vec<Piece<'_>>) {
    let mut at = 0;
    while at < pieces.len() {
        let (symbol, len) = match symbol_at(pieces, at) {
            Some((symbol, len)) => (Some(symbol), len),
            None => (pieces[at].symbol, 1),
        };
        pieces[at].range.end = pieces[at + len - 1].range.end;
        pieces[at].symbol = symbol;
        pieces.drain(at + 1..at + len);
        at += 1;
    }
}

/// The symbol that the words from `at` on stand for, and how many they are.
fn symbol_at(pieces: &[Piece<'_>], at: usize) -> Option<(Symbol, usize)> {
    let is = |at: usize, word: &str| {
        pieces
            .get(at)
            .is_some_and(|piece| piece.text.eq_ignore_ascii_case(word))
    };
    let says = |words: &[&str]| {
        words
            .iter()
            .enumerate()
            .all(|(next, word)| is(at + next, word))
    };
    if let Some((words, symbol)) = OPERATORS.iter().find(|(words, _)| says(words)) {
        return Some((*symbol, words.len()));
    }
    let between_numbers = |at: usize| {
        let number = |piece: Option<&Piece<'_>>| {
            piece.is_some_and(|p| {
                matches!(
                    p.symbol,
                    Some(Symbol::Number(_) | Symbol::Open | Symbol::Close)
                )
            })
        };
        at > 0 && number(pieces.get(at - 1)) && number(pieces.get(at + 1))
    };
    if is(at, "x") && between_numbers(at) {
        return Some((Symbol::Times, 1));
    }
    let (value, len) = numeral(|at_next| pieces.get(at + at_next).map(|piece| piece.text))?;
    Some((Symbol::Number(Number::whole(value)), len))
}

/// The value of the number words that `word` gives by their place, and how many they are.
fn numeral<'t>(word: impl Fn(usize) -> Option<&'t str>) -> Option<(i128, usize)> {
    let mut len = 0;
    let (mut total, mut group) = (0_i128, None);
    while let Some(text) = word(len) {
        let place = |list: &[&str]| list.iter().position(|word| word.eq_ignore_ascii_case(text));
        if let Some(value) = place(NUMERALS) {
            group = Some(group.unwrap_or(0) + value as i128);
        } else if let Some(tens) = place(TENS) {
            group = Some(group.unwrap_or(0) + 20 + 10 * tens as i128);
        } else if let (Some(step), Some(value)) =
            (place(&["hundred", "thousand", "million"]), group)
        {
            let scale = [100, 1000, 1_000_000][step];
            let scaled = value.checked_mul(scale)?;
            if step == 0 {
                group = Some(scaled);
            } else {
                total += scaled;
                group = Some(0);
            }
        } else if !(text == "-"
            && len > 0
            && word(len + 1).is_some_and(small)
            && tens(word(len - 1)))
        {
            break;
        }
        len += 1;
    }
    group.map(|group| (total + group, len))
}

fn small(word: &str) -> bool {
    NUMERALS[1..10]
        .iter()
        .any(|numeral| numeral.eq_ignore_ascii_case(word))
}

fn tens(word: Option<&str>) -> bool {
    word.is_some_and(|word| TENS.iter().any(|tens| tens.eq_ignore_ascii_case(word)))
}

/// `5 % 3` is a remainder, `5%` a percentage, `5% of 3` a product.
fn settle_percents(pieces: &mut Vec<Piece<'_>>) {
    let mut at = 0;
    while at < pieces.len() {
        if pieces[at].symbol == Some(Symbol::Percent) {
            let said_of = pieces[at].text.eq_ignore_ascii_case("percent");
            let next = pieces.get(at + 1);
            let operand =
                next.is_some_and(|p| matches!(p.symbol, Some(Symbol::Number(_) | Symbol::Open)));
            if next.is_some_and(|next| next.text.eq_ignore_ascii_case("of")) {
                pieces[at + 1].symbol = Some(Symbol::Times);
            } else if operand && said_of {
                let range = pieces[at].range.end..pieces[at].range.end;
                pieces.insert(
                    at + 1,
                    Piece {
                        text: "of",
                        range,
                        symbol: Some(Symbol::Times),
                    },
                );
            } else if operand {
                pieces[at].symbol = Some(Symbol::Modulo);
            }
        }
        at += 1;
    }
}
