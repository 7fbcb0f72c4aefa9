// SPDX-License-Identifier: Apache-2.0
//! The embedded, deterministic, offline provider, and token counting.
