// SPDX-License-Identifier: Apache-2.0
//! Types that keep secrets and personal data out of logs and answers.
