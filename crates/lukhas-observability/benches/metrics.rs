// SPDX-License-Identifier: Apache-2.0
//! What counting a request costs, and what a scrape of a busy server does.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lukhas_core::Usage;
use lukhas_observability::{BuildInfo, Format, Metrics};

const ROUTES: [&str; 30] = [
    "/r0", "/r1", "/r2", "/r3", "/r4", "/r5", "/r6", "/r7", "/r8", "/r9", "/r10", "/r11", "/r12",
    "/r13", "/r14", "/r15", "/r16", "/r17", "/r18", "/r19", "/r20", "/r21", "/r22", "/r23", "/r24",
    "/r25", "/r26", "/r27", "/r28", "/r29",
];

fn metrics(c: &mut Criterion) {
    let metrics = Metrics::new(BuildInfo {
        version: "0.0.0",
        revision: None,
    });
    let tokens = metrics.tokens((0..50).map(|number| format!("model-{number}")));
    for route in ROUTES {
        let route = metrics.route(route, "POST");
        for status in [200, 400, 401, 404, 429, 500, 503] {
            route.observe(status, 0.01, None);
        }
        route.time_to_first_byte(0.01);
    }
    let route = metrics.route(ROUTES[0], "POST");
    c.bench_function("a request", |b| {
        b.iter(|| {
            let _guard = route.begin();
            route.time_to_first_byte(black_box(0.003));
            route.observe(black_box(200), black_box(0.02), None);
        });
    });
    let usage = Usage::default();
    c.bench_function("tokens", |b| {
        b.iter(|| tokens.record(black_box("model-7"), &usage))
    });
    for format in [Format::OpenMetrics, Format::Text] {
        c.bench_function(&format!("scrape as {format:?}"), |b| {
            b.iter(|| metrics.encode(format))
        });
    }
}

criterion_group!(benches, metrics);
criterion_main!(benches);
