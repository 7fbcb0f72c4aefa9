// SPDX-License-Identifier: Apache-2.0
//! Composition root: configuration, assembly of the gateway and its parts.
