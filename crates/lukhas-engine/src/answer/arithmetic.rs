// SPDX-License-Identifier: Apache-2.0
//! Arithmetic that a message asks for.

mod expression;
mod number;
mod symbols;

#[cfg(test)]
mod tests;

use crate::words::is_stop_word;

use expression::{Failure, Symbol, evaluate};
use number::{Number, Undefined};
use symbols::{Piece, read};

/// Longer messages are not about one calculation.
const LONGEST_MESSAGE: usize = 1000;

/// Words that may stand around a calculation.
const ASKING: &[&str] = &[
    "calculate",
    "calculation",
    "compute",
    "equal",
    "equals",
    "evaluate",
    "math",
    "quick",
    "result",
    "solve",
    "sum",
    "value",
    "work",
    "answer",
    "question",
    "figure",
    "get",
    "find",
];

/// A calculation found in a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calculation<'t> {
    /// The expression as it is written.
    pub(super) expression: &'t str,
    result: Result<Number, Undefined>,
}

impl Calculation<'_> {
    /// The expression and its value, or why it has none.
    pub(super) fn sentence(&self) -> String {
        let Self { expression, result } = self;
        match result {
            Ok(value) => format!("{expression} = {value}"),
            Err(Undefined::DivisionByZero) => {
                format!("{expression} has no value: it divides by zero.")
            }
            Err(Undefined::NotANumber) => {
                format!("{expression} has no value that can be written down as a number.")
            }
        }
    }
}

/// The calculation that a sentence of `text` asks for.
///
/// A sentence asks for one when it holds an expression with an operator and besides it only small
/// words and words such as "calculate".
pub(super) fn find(text: &str) -> Option<Calculation<'_>> {
    if text.len() > LONGEST_MESSAGE || !may_calculate(text) {
        return None;
    }
    sentences(text).find_map(in_sentence)
}

/// A cheap look before the real one.
fn may_calculate(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "plus",
        "minus",
        "times",
        "divided",
        "multiplied",
        "percent",
        "power",
        "squared",
    ];
    let signs = |byte: u8| b"+-*/^%(x".contains(&byte) || !byte.is_ascii();
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    let named = |word: &str| WORDS.iter().any(|name| word.starts_with(name));
    digits && text.bytes().any(signs) || text.split(|c: char| !c.is_ascii_alphabetic()).any(named)
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['?', '!', '\n', ';'])
        .flat_map(|sentence| sentence.split(". "))
        .map(|sentence| sentence.trim_end_matches(['.', ' ', '=']))
}

fn in_sentence(sentence: &str) -> Option<Calculation<'_>> {
    let pieces = read(sentence);
    let asks = |piece: &Piece<'_>| {
        let word = piece.text.to_lowercase();
        piece.symbol.is_some()
            || !word.starts_with(char::is_alphanumeric)
            || is_stop_word(&word)
            || ASKING.contains(&word.as_str())
    };
    if !pieces.iter().all(asks) {
        return None;
    }
    pieces
        .chunk_by(|one, other| one.symbol.is_some() == other.symbol.is_some())
        .find_map(|run| in_run(sentence, run))
}

fn in_run<'t>(sentence: &'t str, run: &[Piece<'t>]) -> Option<Calculation<'t>> {
    let symbols: Vec<Symbol> = run.iter().filter_map(|piece| piece.symbol).collect();
    let operators = symbols
        .iter()
        .filter(|symbol| !matches!(symbol, Symbol::Number(_) | Symbol::Open | Symbol::Close));
    let (first, last) = (run.first()?, run.last()?);
    let expression = &sentence[first.range.start..last.range.end];
    // A signed number is not a question.
    let signed = matches!(
        symbols.as_slice(),
        [Symbol::Minus | Symbol::Plus, _] | [_, Symbol::Percent]
    );
    if operators.count() == 0 || signed || is_date_or_phone(expression) {
        return None;
    }
    let result = match evaluate(&symbols) {
        Ok(value) => Ok(value),
        Err(Failure::Undefined(undefined)) => Err(undefined),
        Err(Failure::Syntax) => return None,
    };
    Some(Calculation { expression, result })
}

/// `2024-01-31`, `31/1/2024`, `555-1234`: written without spaces, and not to be reckoned with.
fn is_date_or_phone(text: &str) -> bool {
    let parts = |sign: char| text.split(sign).count();
    let phone = text
        .split_once('-')
        .is_some_and(|(area, local)| area.len() > 2 && local.len() > 3);
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-/".contains(&byte));
    digits && (parts('-') > 2 || parts('/') > 2 || phone)
}
