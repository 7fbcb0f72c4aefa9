// SPDX-License-Identifier: Apache-2.0
//! The mock as its clients see it: byte for byte, on a real socket.

#[cfg(test)]
mod client;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod record;
#[cfg(test)]
mod script;
