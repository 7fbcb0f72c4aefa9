// SPDX-License-Identifier: Apache-2.0
//! Which hosts the URLs of requests may name.

use lukhas_matriz::PrivateHost;

use super::problem;
use crate::config::{Problem, UrlsConfig, excerpt};

/// Most private hosts: each URL that names no public one is compared with all of them.
const MAX_HOSTS: usize = 1_000;

pub(super) fn private_hosts(config: &UrlsConfig) -> Result<Vec<PrivateHost>, Vec<Problem>> {
    let written = &config.private_hosts;
    if written.len() > MAX_HOSTS {
        let message = format!(
            "there are {} hosts; at most {MAX_HOSTS} are allowed",
            written.len()
        );
        let help = "allow all names under one with `*.NAME`";
        return Err(vec![problem("urls.private_hosts", message).with_help(help)]);
    }
    let mut hosts: Vec<PrivateHost> = Vec::new();
    let mut problems = Vec::new();
    for (index, text) in written.iter().enumerate() {
        match check(index, text, &hosts) {
            Ok(host) => hosts.push(host),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(hosts)
    } else {
        Err(problems)
    }
}

fn check(index: usize, text: &str, before: &[PrivateHost]) -> Result<PrivateHost, Problem> {
    let key = format!("urls.private_hosts.{index}");
    let host: PrivateHost = text.parse().map_err(|error| {
        let message = format!("`{}`: {error}", excerpt(text));
        let help = "write a name or an address alone, as in `minio`, `*.example.internal`, \
                    `10.0.0.7` or `fd00::7`";
        problem(&key, message).with_help(help)
    })?;
    if before.contains(&host) {
        let message = format!("`{}` is listed twice", excerpt(text));
        return Err(problem(&key, message));
    }
    Ok(host)
}
