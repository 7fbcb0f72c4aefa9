// SPDX-License-Identifier: Apache-2.0
//! The value of a run of arithmetic tokens.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = signed (("*" | "/" | "mod") signed)*
//! signed  = ("+" | "-") signed | power
//! power   = postfix ("^" signed)?
//! postfix = (number | "(" sum ")") ("%" | "squared" | "cubed")*
//! ```

use super::number::{Number, Undefined};

/// A piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbol {
    Number(Number),
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Power,
    Percent,
    /// "squared" is 2, "cubed" 3.
    Raised(i128),
    Open,
    Close,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The symbols are no expression.
    Syntax,
    Undefined(Undefined),
}

impl From<Undefined> for Failure {
    fn from(undefined: Undefined) -> Self {
        Self::Undefined(undefined)
    }
}

/// Parentheses, signs and powers nest at most this deep.
const DEEPEST: usize = 64;

/// The value of `symbols`, all of them.
pub(super) fn evaluate(symbols: &[Symbol]) -> Result<Number, Failure> {
    let mut parser = Parser { symbols, depth: 0 };
    let value = parser.sum()?;
    if parser.symbols.is_empty() {
        Ok(value)
    } else {
        Err(Failure::Syntax)
    }
}

struct Parser<'s> {
    symbols: &'s [Symbol],
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<Symbol> {
        self.symbols.first().copied()
    }

    fn skip(&mut self) {
        self.symbols = self.symbols.get(1..).unwrap_or_default();
    }

    fn next_if(&mut self, symbol: Symbol) -> bool {
        let found = self.peek() == Some(symbol);
        if found {
            self.skip();
        }
        found
    }

    fn sum(&mut self) -> Result<Number, Failure> {
        let mut value = self.product()?;
        loop {
            if self.next_if(Symbol::Plus) {
                value = value.add(self.product()?)?;
            } else if self.next_if(Symbol::Minus) {
                value = value.add(self.product()?.negate()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<Number, Failure> {
        let mut value = self.signed()?;
        loop {
            if self.next_if(Symbol::Times) {
                value = value.multiply(self.signed()?)?;
            } else if self.next_if(Symbol::Divide) {
                value = value.divide(self.signed()?)?;
            } else if self.next_if(Symbol::Modulo) {
                value = value.remainder(self.signed()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn signed(&mut self) -> Result<Number, Failure> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Failure::Syntax);
        }
        let value = if self.next_if(Symbol::Minus) {
            self.signed()?.negate()?
        } else if self.next_if(Symbol::Plus) {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<Number, Failure> {
        let base = self.postfix()?;
        if self.next_if(Symbol::Power) {
            Ok(base.power(self.signed()?)?)
        } else {
            Ok(base)
        }
    }

    fn postfix(&mut self) -> Result<Number, Failure> {
        let mut value = match self.peek() {
            Some(Symbol::Number(number)) => {
                self.skip();
                number
            }
            Some(Symbol::Open) => {
                self.skip();
                let value = self.sum()?;
                if !self.next_if(Symbol::Close) {
                    return Err(Failure::Syntax);
                }
                value
            }
            _ => return Err(Failure::Syntax),
        };
        loop {
            value = match self.peek() {
                Some(Symbol::Percent) => value.divide(Number::whole(100))?,
                Some(Symbol::Raised(times)) => value.power(Number::whole(times))?,
                _ => return Ok(value),
            };
            self.skip();
        }
    }
}
