#![allow(missing_docs)]
use futures_util::StreamExt;
use lukhas_core::*;
use lukhas_engine::*;
use serde_json::Value;
use std::sync::Arc;
struct E;
impl Entropy for E {
    fn bits(&self) -> u128 {
        7
    }
}
fn main() {
    let engine = Engine::default();
    let e: Arc<dyn Entropy> = Arc::new(E);
    let cx = RunCx {
        run_id: Id::new("run_", e.as_ref()),
        principal: Arc::new(Principal {
            key_id: "k".into(),
            tenant: "t".into(),
            scopes: Arc::new([]),
        }),
        entropy: e,
    };
    let mut stats = [0usize; 4];
    let mut slow: Vec<(u128, String)> = vec![];
    for path in std::env::args().skip(1) {
        let cases: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in &cases {
            let mut list: Vec<Value> = case
                .get("schemas")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            list.extend(case.get("schema").cloned());
            let some_valid = case["tests"]
                .as_array()
                .is_some_and(|t| t.iter().any(|t| t["valid"] == true));
            for schema in list {
                for strict in [true, false] {
                    let t = std::time::Instant::now();
                    let request = RunRequest {
                        items: vec![Item::text(Role::User, "a 1 b x 2 Paris")],
                        format: OutputFormat::JsonSchema {
                            name: "x".into(),
                            schema: Arc::new(schema.clone()),
                            strict,
                        },
                        ..Default::default()
                    };
                    let events: Vec<OutputEvent> =
                        futures_util::FutureExt::now_or_never(engine.run(&cx, request).collect())
                            .unwrap();
                    let took = t.elapsed().as_micros();
                    if took > 5000 {
                        slow.push((took, schema.to_string()));
                    }
                    match events.last() {
                        Some(OutputEvent::Ended(RunEnd {
                            outcome: Outcome::Completed,
                            ..
                        })) => stats[0] += 1,
                        Some(OutputEvent::Ended(RunEnd {
                            outcome: Outcome::Failed(error),
                            ..
                        })) => {
                            let unsat = error.kind == RunErrorKind::Unsupported;
                            if unsat && some_valid {
                                stats[1] += 1;
                                println!(
                                    "MISSED {strict} {} {} {}",
                                    path.rsplit('/').next().unwrap(),
                                    error,
                                    schema
                                );
                            } else if unsat {
                                stats[2] += 1;
                            } else {
                                stats[3] += 1;
                            }
                        }
                        other => println!("?? {other:?}"),
                    }
                }
            }
        }
    }
    println!(
        "ok {} missed {} unsat {} invalid {}",
        stats[0], stats[1], stats[2], stats[3]
    );
    slow.sort();
    for (t, s) in slow.iter().rev().take(6) {
        println!("{t}us {}", &s[..s.len().min(200)]);
    }
}
