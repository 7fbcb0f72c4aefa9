// SPDX-License-Identifier: Apache-2.0
//! Panics, as events like any other.

use std::panic::{self, PanicHookInfo};
use std::path::Path;

/// From now on, a panic is an event of the log. What the standard library would write itself holds
/// the values of the moment, and passes nobody.
pub(super) fn log() {
    panic::set_hook(Box::new(say));
}

fn say(panicked: &PanicHookInfo<'_>) {
    let panic = panicked
        .payload_as_str()
        .unwrap_or("a value that is no text");
    // The name of the file is enough to find it; its path is one of the machine that built this.
    let at = panicked.location().map(|location| {
        let file = Path::new(location.file()).file_name().unwrap_or_default();
        format!("{}:{}", file.display(), location.line())
    });
    tracing::error!(panic, at, "a panic");
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sink;
    use super::*;
    use crate::{LogConfig, LogFormat, Logs};

    #[test]
    fn a_panic_is_a_line_of_the_log_without_what_must_not_be_in_it() {
        let sink = Sink::default();
        let writer = sink.clone();
        let logs = Logs::try_from(LogConfig {
            filter: "error".to_owned(),
            format: LogFormat::Pretty,
        });
        let subscriber = logs.unwrap().subscriber(move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            let before = panic::take_hook();
            log();
            let who = "ada@example.com";
            let panicked = panic::catch_unwind(|| panic!("no such reader: {who}"));
            panic::set_hook(before);
            assert!(panicked.is_err());
        });
        let log = sink.text();
        let (_, line) = log.split_once(" ERROR ").unwrap();
        assert!(
            line.contains(
                "a panic panic=\"no such reader: [REDACTED:EMAIL_ADDRESS]\" at=\"panics.rs:"
            ),
            "{line}"
        );
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
