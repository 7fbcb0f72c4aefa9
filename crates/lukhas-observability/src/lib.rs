// SPDX-License-Identifier: Apache-2.0
//! Metrics registry and log set-up.
