#![allow(missing_docs, clippy::all)]
use futures_util::{FutureExt, StreamExt};
use lukhas_core::*;
use lukhas_engine::*;
use serde_json::{Value, json};
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
    let show = |request: RunRequest| {
        let events: Vec<OutputEvent> = engine.run(&cx, request).collect().now_or_never().unwrap();
        let mut out = String::new();
        for e in events {
            match e {
                OutputEvent::ItemAdded {
                    kind: ItemKind::FunctionCall { name, .. },
                    ..
                } => out += &format!("CALL {name} "),
                OutputEvent::TextDelta(d) | OutputEvent::ArgumentsDelta(d) => out += &d,
                OutputEvent::Ended(end) => {
                    if end.outcome != Outcome::Completed {
                        out += &format!(" {:?}", end.outcome)
                    }
                }
                _ => {}
            }
        }
        out
    };
    let ask = |t: &str| RunRequest {
        items: vec![Item::text(Role::User, t)],
        ..Default::default()
    };
    for t in [
        "Hello!",
        "Hello, what is 2+2? Thanks",
        "What is the square of 5?",
        "what's 15% of 200?",
        "Write a one-sentence bedtime story about a unicorn.",
        "Say 'double bubble bath' ten times fast.",
        "How many r's are in strawberry?",
        "Count to 5",
        "What is 10/4",
        "Repeat the word hello",
        "My name is Ada",
        "Is 5 > 3?",
        "3 apples and 4 pears",
        "what is 1e3 + 1",
    ] {
        println!("{t:60} => {}", show(ask(t)));
    }
    let fmt = |schema: Value, t: &str| {
        let mut r = ask(t);
        r.format = OutputFormat::JsonSchema {
            name: "x".into(),
            schema: Arc::new(schema),
            strict: true,
        };
        r
    };
    let ev = json!({"type":"object","properties":{"name":{"type":"string"},"date":{"type":"string"},"participants":{"type":"array","items":{"type":"string"}}},"required":["name","date","participants"],"additionalProperties":false});
    println!(
        "{}",
        show(fmt(
            ev,
            "Alice and Bob are going to a science fair on Friday."
        ))
    );
    let mr = json!({"$defs":{"Step":{"properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"type":"object","additionalProperties":false}},"properties":{"steps":{"items":{"$ref":"#/$defs/Step"},"type":"array"},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"type":"object","additionalProperties":false});
    println!("{}", show(fmt(mr, "solve 8x + 31 = 2")));
    let u = json!({"properties":{"name":{"type":"string"},"age":{"type":"integer"},"email":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null}},"required":["name","age"],"type":"object"});
    println!("{}", show(fmt(u.clone(), "John Doe is 30 years old.")));
    println!("{}", show(fmt(u, "Extract Jason is 25 years old")));
    let s = json!({"type":"object","properties":{"sentiment":{"type":"string","enum":["positive","negative","neutral"]},"score":{"type":"number","minimum":0,"maximum":1},"is_spam":{"type":"boolean"},"created":{"type":"string","format":"date-time"}},"required":["sentiment","score","is_spam","created"]});
    println!(
        "{}",
        show(fmt(s, "I love this product! It is very positive."))
    );
    let tool = |n: &str, d: &str, p: Value| {
        Arc::new(ToolSpec {
            name: n.into(),
            description: Some(d.into()),
            parameters: Some(p),
            strict: None,
        })
    };
    let st = |k: &str| json!({"type":"object","properties":{k:{"type":"string"}},"required":[k]});
    let tools = vec![
        tool(
            "get_weather",
            "Get current temperature for a given location.",
            json!({"type":"object","properties":{"location":{"type":"string","description":"City and country e.g. Bogotá, Colombia"},"units":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["location","units"]}),
        ),
        tool(
            "send_email",
            "Send an email to a given recipient with a subject and message.",
            json!({"type":"object","properties":{"to":{"type":"string","description":"The recipient email address."},"subject":{"type":"string"},"body":{"type":"string"}},"required":["to","subject","body"]}),
        ),
        tool(
            "search_knowledge_base",
            "Query a knowledge base to retrieve relevant info on a topic.",
            json!({"type":"object","properties":{"query":{"type":"string"},"options":{"type":"object","properties":{"num_results":{"type":"integer"},"domain_filter":{"type":["string","null"]}},"required":["num_results","domain_filter"]}},"required":["query","options"]}),
        ),
        tool("calculator", "Evaluate a math expression", st("expression")),
        tool(
            "multiply",
            "Multiply two integers",
            json!({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}),
        ),
        tool(
            "get_delivery_date",
            "Get the delivery date for a customer's order. Call this whenever you need to know the delivery date.",
            st("order_id"),
        ),
        tool(
            "transfer_to_refund_agent",
            "Handoff to the Refund agent to handle the request.",
            json!({"type":"object","properties":{}}),
        ),
        tool(
            "book_flight",
            "Book a flight",
            json!({"type":"object","properties":{"origin":{"type":"string"},"destination":{"type":"string"},"date":{"type":"string","format":"date"},"passengers":{"type":"integer"}},"required":["origin","destination","date"]}),
        ),
    ];
    for t in [
        "What is the weather like in Paris today?",
        "Can you send an email to ilan@example.com and katia@example.com saying hi?",
        "Can you find information about ChatGPT in the AI knowledge base?",
        "What is 17*23?",
        "What is 3 multiplied by 12?",
        "Multiply 6 and 7",
        "Hi, can you tell me the delivery date for my order 123456?",
        "I want a refund",
        "Book a flight from Berlin to New York on 2025-03-01 for 2 passengers",
        "hi there",
        "Tell me a joke about cats",
        "Thank you!",
        "What's the temperature in Tokyo, Japan in fahrenheit?",
        "Get the weather in San Francisco and Boston",
    ] {
        let mut r = ask(t);
        r.tools = tools.clone();
        r.parallel_tool_calls = true;
        println!("{t:60} => {}", show(r));
    }
    for t in ["hi there", "Do it"] {
        let mut r = ask(t);
        r.tools = tools.clone();
        r.tool_choice = ToolChoice::Required;
        println!("REQ {t:60} => {}", show(r));
    }
}
