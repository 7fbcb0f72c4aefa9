// SPDX-License-Identifier: Apache-2.0
//! Harness shared by the whole-product tests.
