// SPDX-License-Identifier: Apache-2.0
//! Scripts that Redis runs, each as one step that nothing comes between.

use std::time::Duration;

use redis::{Script, ScriptInvocation, ToRedisArgs};

/// Sets `now`, in microseconds since 1970.
const CLOCK: &str = "local now = redis.call('TIME'); now = now[1] * 1000000 + now[2]\n";

/// A run of a script, to be.
pub(super) struct Question {
    pub(super) script: &'static Script,
    pub(super) invocation: ScriptInvocation<'static>,
}

impl Question {
    /// Without keys and arguments.
    pub(super) fn of(script: &'static Script) -> Self {
        Self {
            script,
            invocation: script.prepare_invoke(),
        }
    }

    pub(super) fn key(&mut self, key: impl ToRedisArgs) -> &mut Self {
        self.invocation.key(key);
        self
    }

    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.invocation.arg(argument);
        self
    }
}

/// `time` as scripts count it.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The script of `parts`, which know what time it is `now`.
pub(super) fn script(parts: &[&str]) -> Script {
    Script::new(&(CLOCK.to_owned() + &parts.concat()))
}

/// The same by the clock of a test, which is the key `test:now`.
#[cfg(test)]
pub(super) fn script_of_test(parts: &[&str]) -> Script {
    let clock = "local now = tonumber(redis.call('GET', 'test:now'))\n";
    Script::new(&(clock.to_owned() + &parts.concat()))
}
