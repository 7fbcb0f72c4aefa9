// SPDX-License-Identifier: Apache-2.0
//! Limits and budgets hold wherever they are counted.

/// Where limits and budgets are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// In the server.
    Own,
    /// Where replicas share them.
    Shared,
}

/// A test of each of the laws in each place, whose time is that of the test.
macro_rules! in_every_place {
    ($($law:ident),* $(,)?) => {
        mod own {
            $(#[tokio::test(start_paused = true)]
            async fn $law() {
                super::$law(crate::places::Place::Own).await;
            })*
        }
        mod shared {
            $(#[tokio::test(start_paused = true)]
            async fn $law() {
                super::$law(crate::places::Place::Shared).await;
            })*
        }
    };
}
