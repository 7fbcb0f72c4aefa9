// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::Origins;
use crate::config::node::excerpt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A place in a file.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// Line and column, from 1; `None` for the file as a whole.
        at: Option<(u64, u64)>,
    },
    /// An environment variable.
    Env(Arc<str>),
    /// A flag of the command line.
    Flag(&'static str),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The setting, dotted (`server.listen`), when it is about one.
    pub key: Option<String>,
    /// What is wrong. Never holds a key or another secret.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
}

/// All that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Origin {
    /// The file at `path` as a whole.
    pub(crate) fn file(path: &Arc<Path>) -> Self {
        Self::File {
            path: Arc::clone(path),
            at: None,
        }
    }

    /// The same file, at a line and column.
    pub(crate) fn at(&self, line: u64, column: u64) -> Self {
        match self {
            Self::File { path, .. } => Self::File {
                path: Arc::clone(path),
                at: Some((line, column)),
            },
            Self::Default | Self::Env(_) | Self::Flag(_) => self.clone(),
        }
    }

    /// The folder that relative paths set here start from.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => path.parent(),
            Self::Default | Self::Env(_) | Self::Flag(_) => None,
        }
    }
}

impl Problem {
    /// A problem with no setting and no help.
    pub(crate) fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            key: None,
            message: message.into(),
            help: None,
        }
    }

    /// The same problem, about `key`.
    pub(crate) fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same problem, with advice.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Problems {
    /// `Err` when there are any.
    pub(crate) fn none_of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }

    /// The problems of a failure, of which there is at least one.
    pub(crate) fn from_failure(problems: impl Iterator<Item = Problem>) -> Self {
        Self(problems.collect())
    }

    /// The same problems, each at the origin of its setting.
    pub(crate) fn attributed(self, origins: &Origins) -> Self {
        let attributed = |problem: Problem| match &problem.key {
            Some(key) => Problem {
                origin: origins.get(key),
                ..problem
            },
            None => problem,
        };
        Self(self.0.into_iter().map(attributed).collect())
    }

    /// Each of them, in the order of the sources.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, at: None } => write!(f, "{}", path.display()),
            Self::File {
                path,
                at: Some((line, column)),
            } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Env(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "`{}`: ", excerpt(key))?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}
