// SPDX-License-Identifier: Apache-2.0
use super::*;

#[track_caller]
fn check(text: &str, fault: Fault, first: Option<u32>) {
    let first = first.and_then(NonZeroU32::new);
    assert_eq!(text.parse(), Ok(Injection { fault, first }));
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = text.parse::<Injection>().unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

#[test]
fn faults_are_read_with_argument_and_count() {
    let status = |status, retry_after| Fault::Status {
        status,
        retry_after,
    };
    check("clean_cut@3", Fault::CleanCut(3), None);
    check("clean_cut@0x12", Fault::CleanCut(0), Some(12));
    check(
        "slow_head=300ms",
        Fault::SlowHead(Duration::from_millis(300)),
        None,
    );
    check("delay=2sx1", Fault::Delay(Duration::from_secs(2)), Some(1));
    check("429", status(429, Some(1)), None);
    check("429=2", status(429, Some(2)), None);
    check("503", status(503, None), None);
    check("503x2", status(503, None), Some(2));
    check("503=5x2", status(503, Some(5)), Some(2));
    check("gzip", Fault::Gzip, None);
}

#[test]
fn everything_else_is_refused_with_what_would_be_right() {
    let names = "unknown fault `bang`; there are `clean_cut@3`, `tcp_cut@3`,";
    refused("bang", names);
    refused("", "unknown fault ``");
    refused("418", "unknown fault `418`");
    refused("gzipx0", "unknown fault `gzipx0`");
    refused("Gzip", "unknown fault `Gzip`");
    refused("clean_cut", "fault `clean_cut`: write it as `clean_cut@3`");
    refused("clean_cut@-1", "fault `clean_cut@-1`: write it as");
    refused("gzip@1", "fault `gzip@1`: write it as `gzip`");
    refused("delay=3", "fault `delay=3`: write it as `delay=300ms`");
    refused("delay=2h", "fault `delay=2h`: write it as");
    refused("delay=3601s", "fault `delay=3601s`: write it as");
    refused("503=soon", "fault `503=soon`: write it as `503=2`");
    refused("503@1", "fault `503@1`: write it as");
}

#[test]
fn only_names_that_begin_with_mock_and_plus_have_faults() {
    let faults = |model| Injection::of_model(model).map(|all| all.len());
    assert_eq!(faults("mock+slow_head=300ms+tcp_cut@2"), Ok(2));
    for plain in ["mock", "mocks+gzip", "gpt-4o", "gpt+gzip", ""] {
        assert_eq!(faults(plain), Ok(0), "{plain}");
    }
    assert!(faults("mock+").is_err());
    assert!(faults("mock+gzip+").is_err());
}

#[test]
fn every_example_of_the_table_is_a_fault_of_its_own() {
    let mut seen = Vec::new();
    for info in FAULTS {
        let injection: Injection = info.example().parse().unwrap();
        assert!(!seen.contains(&injection), "{}", info.name);
        seen.push(injection);
    }
}

#[test]
fn a_counted_fault_strikes_the_first_requests() {
    let twice: Injection = "503x2".parse().unwrap();
    let struck: Vec<_> = (1..=4).map(|number| twice.strikes(number)).collect();
    assert_eq!(struck, [true, true, false, false]);
    assert!(Injection::from(Fault::Gzip).strikes(u64::MAX));
}
