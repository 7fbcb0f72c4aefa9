// SPDX-License-Identifier: Apache-2.0
//! Bearer keys: generation, hashed key sets and authentication to a principal.
