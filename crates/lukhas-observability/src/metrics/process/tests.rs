// SPDX-License-Identifier: Apache-2.0
use super::*;

#[test]
fn times_are_found_behind_any_program_name() {
    let tail =
        "S 1 1 1 0 -1 4194560 1 0 0 0 250 50 7 8 20 0 4 0 12345 1000 10 18446744073709551615";
    let expected = Times {
        cpu_seconds: 3.0,
        started: 123.45,
    };
    for name in ["lukhas", "a b", ") S 1 (", "((", ""] {
        assert_eq!(
            times(&format!("42 ({name}) {tail}")).as_ref(),
            Some(&expected),
            "{name}"
        );
    }
    for broken in [
        "",
        "42 (lukhas",
        "42 (lukhas) S 1 1",
        "42 (lukhas) S x x x x x x x x x x x",
    ] {
        assert_eq!(times(broken), None, "{broken}");
    }
}

#[test]
fn values_are_found_by_the_name_of_their_line() {
    let status = "Name:\tlukhas\nVmPeak:\t    20 kB\nVmSize:\t    16 kB\nVmRSS:\t     3 kB\n";
    assert_eq!(kibibytes(status, "VmRSS:"), Some(3072.0));
    assert_eq!(kibibytes(status, "VmSize:"), Some(16384.0));
    assert_eq!(kibibytes(status, "VmSwap:"), None);
    assert_eq!(kibibytes("VmRSS:\n", "VmRSS:"), None);

    let limits =
        |soft| format!("Max processes   7  7  processes\nMax open files   {soft}  4096  files\n");
    assert_eq!(max_files(&limits("1024")), Some(1024.0));
    assert_eq!(max_files(&limits("unlimited")), None);

    assert_eq!(
        boot_time("cpu  1 2\nintr 1\nbtime 1700000000\nprocesses 1\n"),
        Some(1_700_000_000.0)
    );
    assert_eq!(boot_time("cpu  1 2\n"), None);
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_has_every_figure() {
    let stat = times(&read("stat").unwrap()).unwrap();
    assert!(stat.cpu_seconds >= 0.0 && stat.started > 0.0);
    let status = read("status").unwrap();
    let resident = kibibytes(&status, "VmRSS:").unwrap();
    assert!(resident > 100_000.0 && kibibytes(&status, "VmSize:").unwrap() >= resident);
    assert!(open_files().unwrap() >= 1.0);

    let started = Process::new().started.unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let age = now.as_secs_f64() - started;
    assert!((-2.0..3_600.0).contains(&age), "started {age} seconds ago");
}
