// SPDX-License-Identifier: Apache-2.0
//! Embedders: the lexical feature-hashing embedder that needs no model.
