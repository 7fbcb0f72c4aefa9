// SPDX-License-Identifier: Apache-2.0
//! Stores for responses, behind the ResponseStore seam.
