// SPDX-License-Identifier: Apache-2.0
//! Names of the models that are always there.

/// The model of the embedded engine.
pub const CHAT_MODEL: &str = lukhas_engine::MODEL_ID;

/// The model of the embedder.
pub const EMBEDDING_MODEL: &str = "lukhas-lexical-hash-1024";
