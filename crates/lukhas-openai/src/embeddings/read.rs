// SPDX-License-Identifier: Apache-2.0
//! Reads a request from its bytes, `input` straight into its own type.
//!
//! serde's readers know no paths. A fault is therefore kept beside the error that stops them, and
//! shown in its place.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::{CreateEmbedding, EmbeddingInput, MAX_INPUT_TOKENS, MAX_INPUTS};
use crate::WireError;
use crate::json::{Budget, Json, parse_tree, read_json};
use crate::path::Path;
use crate::read::FromJson;
use crate::responses::at_least_one;

pub(super) fn create_embedding(body: &[u8]) -> Result<CreateEmbedding, WireError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        let value = parse_tree(body)?;
        return Err(Path::ROOT.wrong_type("an object", &value));
    }
    let reader = Reader::default();
    read_json(body, &reader.budget, &reader).map_err(|error| match reader.fault.take() {
        // As everywhere, what is no JSON at all is told before what is wrong in it.
        Some(fault) => match read_json(body, &Budget::default(), PhantomData::<IgnoredAny>) {
            Ok(_) => fault,
            Err(error) => error,
        },
        None => error,
    })
}

/// What reading needs to remember.
#[derive(Default)]
struct Reader {
    budget: Budget,
    fault: RefCell<Option<WireError>>,
    tokens: Cell<usize>,
}

impl Reader {
    fn fail<E: Error>(&self, fault: WireError) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("out of the contract")
    }

    fn field<'de, A: MapAccess<'de>, T: FromJson>(
        &self,
        at: &Path<'_>,
        map: &mut A,
    ) -> Result<T, A::Error> {
        let value = map.next_value_seed(self.budget.value(1))?;
        T::from_json(at, value).map_err(|fault| self.fail(fault))
    }
}

impl<'de> DeserializeSeed<'de> for &Reader {
    type Value = CreateEmbedding;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<CreateEmbedding, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Reader {
    type Value = CreateEmbedding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CreateEmbedding, A::Error> {
        let root = Path::ROOT;
        let mut seen: Vec<String> = Vec::new();
        let (mut model, mut input) = (None, None);
        let (mut encoding_format, mut dimensions, mut user) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(self.budget.repeated(&key));
            }
            let at = root.key(&key);
            match key.as_str() {
                "model" => model = Some(self.field(&at, &mut map)?),
                "input" => {
                    input = Some(map.next_value_seed(InputSeed {
                        reader: self,
                        at: &at,
                    })?)
                }
                "encoding_format" => encoding_format = self.field(&at, &mut map)?,
                "dimensions" => {
                    dimensions = self.field(&at, &mut map)?;
                    at_least_one(&at, dimensions).map_err(|fault| self.fail(fault))?;
                }
                "user" => user = self.field(&at, &mut map)?,
                _ => return Err(self.fail(at.unknown())),
            }
            seen.push(key);
        }
        Ok(CreateEmbedding {
            model: model.ok_or_else(|| self.fail(root.missing("model")))?,
            input: input.ok_or_else(|| self.fail(root.missing("input")))?,
            encoding_format,
            dimensions,
            user,
        })
    }
}

/// Reads `input`.
struct InputSeed<'r> {
    reader: &'r Reader,
    at: &'r Path<'r>,
}

impl<'de> DeserializeSeed<'de> for InputSeed<'_> {
    type Value = EmbeddingInput;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<EmbeddingInput, D::Error> {
        let Self { reader, at } = self;
        let level = Level::Input;
        match deserializer.deserialize_any(NodeVisitor { reader, at, level })? {
            Node::Text(text) => Ok(EmbeddingInput::Text(text)),
            Node::List(List::Texts(texts)) => Ok(EmbeddingInput::Texts(texts)),
            Node::List(List::Tokens(tokens)) => Ok(EmbeddingInput::Tokens(tokens)),
            Node::List(List::TokenLists(lists)) => Ok(EmbeddingInput::TokenLists(lists)),
            Node::List(List::Empty) => Err(reader.fail(at.invalid("must not be empty"))),
            Node::Token(token) => {
                Err(reader.fail(at.wrong_type("a string or an array", &Json::Number(token.into()))))
            }
            Node::Other(value) => Err(reader.fail(at.wrong_type("a string or an array", &value))),
        }
    }
}

/// How deep in `input` a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// It is `input`.
    Input,
    /// It is an entry of `input`.
    Entry,
    /// It is a token in an entry of `input`.
    Token,
}

/// A value in `input`.
enum Node {
    Text(String),
    Token(u32),
    List(List),
    /// Of another type; composed ones are emptied.
    Other(Json<'static>),
}

/// An array in `input`; all its entries are of one type.
enum List {
    Empty,
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

impl List {
    /// Adds `node`, or says what it should be.
    fn push(&mut self, node: Node, level: Level) -> Result<(), (&'static str, Json<'static>)> {
        match (&mut *self, node) {
            (Self::Texts(texts), Node::Text(text)) => texts.push(text),
            (Self::Tokens(tokens), Node::Token(token)) => tokens.push(token),
            (Self::TokenLists(lists), Node::List(Self::Tokens(tokens))) => lists.push(tokens),
            (Self::Empty, Node::Text(text)) if level == Level::Input => {
                *self = Self::Texts(vec![text]);
            }
            (Self::Empty, Node::Token(token)) => *self = Self::Tokens(vec![token]),
            (Self::Empty, Node::List(Self::Tokens(tokens))) => {
                *self = Self::TokenLists(vec![tokens]);
            }
            (list, node) => return Err((list.takes(level), node.into_value())),
        }
        Ok(())
    }

    fn takes(&self, level: Level) -> &'static str {
        match self {
            Self::Empty if level == Level::Input => "a string, an integer or an array",
            Self::Texts(_) => "a string",
            Self::Tokens(_) | Self::Empty => "an integer",
            Self::TokenLists(_) => "an array",
        }
    }

    /// Number of inputs when this is `input`.
    fn inputs(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Texts(texts) => texts.len(),
            Self::Tokens(_) => 1,
            Self::TokenLists(lists) => lists.len(),
        }
    }
}

impl Node {
    /// A value of the same type, for messages.
    fn into_value(self) -> Json<'static> {
        match self {
            Self::Text(text) => Json::String(text.into()),
            Self::Token(token) => Json::Number(token.into()),
            Self::List(_) => Json::Array(Vec::new()),
            Self::Other(value) => value,
        }
    }
}

/// Reads a value in `input`.
#[derive(Clone, Copy)]
struct NodeVisitor<'r> {
    reader: &'r Reader,
    at: &'r Path<'r>,
    level: Level,
}

impl NodeVisitor<'_> {
    fn invalid<E: Error>(&self, rule: impl fmt::Display) -> E {
        self.reader.fail(self.at.invalid(rule))
    }

    fn token<E: Error>(self, token: Option<u32>) -> Result<Node, E> {
        let Some(token) = token else {
            return Err(self.invalid(format!("a token is an integer from 0 to {}", u32::MAX)));
        };
        self.reader.tokens.set(self.reader.tokens.get() + 1);
        if self.reader.tokens.get() > MAX_INPUT_TOKENS {
            let rule = format!("must hold at most {MAX_INPUT_TOKENS} tokens in all");
            return Err(self.reader.fail(Path::ROOT.key("input").invalid(rule)));
        }
        Ok(Node::Token(token))
    }

    fn text<E: Error>(self, text: impl Into<String>) -> Result<Node, E> {
        let text = text.into();
        if text.is_empty() {
            return Err(self.invalid("must not be empty"));
        }
        Ok(Node::Text(text))
    }

    fn list<'de, A: SeqAccess<'de>>(self, mut seq: A, inner: Level) -> Result<Node, A::Error> {
        let mut list = List::Empty;
        for index in 0.. {
            let at = self.at.index(index);
            let entry = NodeVisitor {
                reader: self.reader,
                at: &at,
                level: inner,
            };
            let Some(node) = seq.next_element_seed(entry)? else {
                break;
            };
            list.push(node, self.level)
                .map_err(|(expected, value)| self.reader.fail(at.wrong_type(expected, &value)))?;
            if list.inputs() > MAX_INPUTS {
                return Err(self.invalid(format!("must hold at most {MAX_INPUTS} inputs")));
            }
        }
        match list {
            List::Empty => Err(self.invalid("must not be empty")),
            List::Texts(_) | List::Tokens(_) | List::TokenLists(_) => Ok(Node::List(list)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts or tokens")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Other(Json::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Other(Json::Bool(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        match crate::read::integral(value) {
            Some(value) => self.visit_i64(value),
            None => Ok(Node::Other(
                Number::from_f64(value).map_or(Json::Null, Json::Number),
            )),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        match self.level {
            Level::Input => Ok(Node::Other(Json::Number(value.into()))),
            Level::Entry | Level::Token => self.token(u32::try_from(value).ok()),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        match self.level {
            Level::Input => Ok(Node::Other(Json::Number(value.into()))),
            Level::Entry | Level::Token => self.token(u32::try_from(value).ok()),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.text(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        match self.level {
            Level::Input => self.list(seq, Level::Entry),
            Level::Entry => self.list(seq, Level::Token),
            Level::Token => {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Node::Other(Json::Array(Vec::new())))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Node::Other(Json::Object(Vec::new())))
    }
}
