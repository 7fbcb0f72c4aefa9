// SPDX-License-Identifier: Apache-2.0
//! Whether a server will do, by what it says of itself.

use crate::redis::error::Failure;

/// The oldest Redis, and the oldest Valkey.
const OLDEST_REDIS: [u32; 2] = [6, 2];
const OLDEST_VALKEY: [u32; 2] = [7, 2];

const OTHER: &str = "use Redis from 6.2 on, or Valkey from 7.2 on";

/// Checks the answer to `INFO`; gives what operators should know.
///
/// # Errors
/// [`Failure`] when the server will not do.
pub(super) fn check(info: &str) -> Result<Vec<String>, Failure> {
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let (name, version, oldest) = match (field("valkey_version"), field("redis_version")) {
        (Some(version), _) => ("Valkey", version, OLDEST_VALKEY),
        (None, Some(version)) => ("Redis", version, OLDEST_REDIS),
        (None, None) => return Err(Failure::unfit("it does not say its version", OTHER)),
    };
    if numbers(version) < oldest {
        let version: String = version.chars().take(20).collect();
        let message = format!("it is {name} {version}, which is too old");
        return Err(Failure::unfit(message, OTHER));
    }
    if field("cluster_enabled") == Some("1") {
        let help = "use one that is no cluster: what replicas share is small";
        return Err(Failure::unfit(
            "it is part of a cluster, which is not supported",
            help,
        ));
    }
    if field("role") == Some("slave") {
        let help = "name the primary";
        return Err(Failure::unfit(
            "it is a replica, and cannot be written to",
            help,
        ));
    }
    let evicts = field("maxmemory_policy").filter(|policy| *policy != "noeviction");
    let is_bounded = field("maxmemory").is_some_and(|most| most != "0");
    let evicts = evicts.filter(|_| is_bounded).map(|policy| {
        let policy: String = policy.chars().take(20).collect();
        format!(
            "its `maxmemory-policy` is `{policy}`: when it runs out of memory it forgets what \
             replicas share, and limits admit more; set `noeviction`"
        )
    });
    let forgets = field("aof_enabled").filter(|enabled| *enabled == "0");
    let forgets = forgets.map(|_| {
        "its `appendonly` is `no`: when it is started again, it has forgotten what replicas share, and \
         budgets begin anew; set `yes`"
            .to_owned()
    });
    Ok(evicts.into_iter().chain(forgets).collect())
}

/// The first two numbers of a version.
fn numbers(version: &str) -> [u32; 2] {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 2].map(|()| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\n\
                        # Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\
                        # Persistence\r\naof_enabled:1\r\n\
                        # Replication\r\nrole:master\r\n# Cluster\r\ncluster_enabled:0\r\n";

    /// Asserts what is said of a server like the good one, with `from` replaced by `to`.
    #[track_caller]
    fn check_with(from: &str, to: &str, expected: Result<Option<&str>, &str>) {
        assert!(GOOD.contains(from));
        let found = check(&GOOD.replace(from, to));
        match expected {
            Ok(None) => assert_eq!(found, Ok(Vec::new())),
            Ok(Some(part)) => match &*found.unwrap() {
                [warning] => assert!(warning.contains(part), "{warning}"),
                other => panic!("{other:?}"),
            },
            Err(reason) => match found.unwrap_err() {
                Failure::Unfit(error) => assert_eq!(error.to_string(), reason),
                other => panic!("{other:?}"),
            },
        }
    }

    #[test]
    fn a_server_is_known_by_its_version_and_its_role() {
        let version = "redis_version:7.0.15";
        check_with(version, version, Ok(None));
        check_with(version, "redis_version:6.2.0", Ok(None));
        check_with(version, "redis_version:10.1.2", Ok(None));
        let valkey = "redis_version:7.2.4\r\nvalkey_version:8.1.0";
        check_with(version, valkey, Ok(None));
        let old = Err("it is Redis 6.0.20, which is too old");
        check_with(version, "redis_version:6.0.20", old);
        let old = Err("it is Redis 5.9.1, which is too old");
        check_with(version, "redis_version:5.9.1", old);
        let old = Err("it is Valkey 7.1.9, which is too old");
        check_with(version, "redis_version:7.2.4\r\nvalkey_version:7.1.9", old);
        let silent = Err("it does not say its version");
        check_with(version, "version:7", silent);
        let cluster = Err("it is part of a cluster, which is not supported");
        check_with("cluster_enabled:0", "cluster_enabled:1", cluster);
        let replica = Err("it is a replica, and cannot be written to");
        check_with("role:master", "role:slave", replica);
    }

    #[test]
    fn a_server_that_forgets_is_warned_of() {
        let policy = "maxmemory_policy:noeviction";
        check_with(policy, "maxmemory_policy:allkeys-lru", Ok(None));
        let both = "maxmemory:0\r\nmaxmemory_policy:noeviction";
        let bounded = "maxmemory:1000000\r\nmaxmemory_policy:";
        check_with(both, &format!("{bounded}noeviction"), Ok(None));
        let evicts = Ok(Some("`volatile-ttl`"));
        check_with(both, &format!("{bounded}volatile-ttl"), evicts);
        let forgets = Ok(Some("its `appendonly` is `no`"));
        check_with("aof_enabled:1", "aof_enabled:0", forgets);
    }
}
