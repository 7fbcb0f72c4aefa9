// SPDX-License-Identifier: Apache-2.0
mod refusals;
mod requests;
mod streams;
