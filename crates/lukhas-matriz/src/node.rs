// SPDX-License-Identifier: Apache-2.0
//! The nodes of the pipeline, a file each, in the order they run.

pub(crate) mod memory;

pub(crate) mod attention;

pub(crate) mod thought;

pub(crate) mod risk;

pub(crate) mod intent;

pub(crate) mod action;

use lukhas_core::{BoxFuture, RunError, RunRequest};

/// The work of a node that has to wait: it takes the request and gives it back.
pub(crate) type Wait = BoxFuture<'static, Result<RunRequest, RunError>>;
