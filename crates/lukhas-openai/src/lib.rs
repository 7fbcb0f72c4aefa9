// SPDX-License-Identifier: Apache-2.0
//! Wire types of the OpenAI API: requests, responses, stream events, SSE, and conversion to and from lukhas-core.
