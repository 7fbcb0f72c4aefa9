// SPDX-License-Identifier: Apache-2.0
//! Why there is no mock.

use std::io;
use std::net::SocketAddr;

/// Why there is no mock.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}
