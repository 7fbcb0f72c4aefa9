// SPDX-License-Identifier: Apache-2.0
//! The MATRIZ orchestrator: memory, attention, thought, risk, intent and action nodes over a provider.
