// SPDX-License-Identifier: Apache-2.0
//! Guarantee R14 at the rim: budgets hold, whichever way a request ends, and renew when they say so.
//!
//! Requests go to the gateway in this process, whose calendar the tests turn.

mod outage;
mod repeated;
mod settled;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use lukhas_core::{Picodollars, Price};
use lukhas_gateway::{
    BudgetLedger, BudgetPer, BudgetRule, BudgetUnit, Budgets, ModelPrice, OnFailure, SharedBudgets,
};
use lukhas_reliability::{Account, AccountBalance, Ledger, Period, Spend, SpendLog, SpendLogError};
use lukhas_tests::{Client, Options, SharedHere, TestServer};
use serde_json::{Value, json};

use crate::places::Place;

in_every_place! {
    a_budget_that_is_used_up_says_when_it_renews_and_does,
    accounts_are_of_what_the_budget_counts_by,
}

const MODEL: &str = "lukhas-matriz";
const SAID: &str = "Say one two three four five six";

/// 2 and 10 dollars for a million tokens.
const PRICE: Price = Price {
    input: Picodollars(2_000_000),
    cached_input: Picodollars(1_000_000),
    output: Picodollars(10_000_000),
};

/// A server with budgets, and what they are kept with.
struct Budgeted {
    server: TestServer,
    ledger: Ledger,
    /// Seconds since the noon of 2026-11-30.
    clock: Arc<AtomicU64>,
    rule: BudgetRule,
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_040_000)
}

/// One account for all, of so much in a month.
fn rule(tokens: Option<u64>, money: Option<u64>) -> BudgetRule {
    BudgetRule {
        name: "team".into(),
        projects: Vec::new(),
        keys: Vec::new(),
        per: Vec::new(),
        period: Period::Month,
        tokens,
        money: money.map(Picodollars),
    }
}

fn price(max_output_tokens: Option<u32>) -> ModelPrice {
    ModelPrice {
        most: PRICE,
        max_output_tokens,
    }
}

impl Budgeted {
    async fn new(place: Place, rule: BudgetRule) -> Self {
        Self::with(place, rule, Options::default()).await
    }

    /// A server whose answers take their time.
    async fn slow(place: Place, rule: BudgetRule, token_delay: Duration) -> Self {
        let options = Options {
            token_delay,
            ..Options::default()
        };
        Self::with(place, rule, options).await
    }

    async fn with(place: Place, rule: BudgetRule, options: Options) -> Self {
        let own = options.budget_ledger.ledger.clone();
        match place {
            Place::Own => Self::keeping(own, None, rule, options).await,
            Place::Shared => {
                let here = SharedHere::default();
                let ledger = here.ledger().clone();
                let shared = SharedBudgets {
                    ledger: Arc::new(here),
                    on_failure: OnFailure::Deny,
                };
                Self::keeping(ledger, Some(shared), rule, options).await
            }
        }
    }

    /// A server whose budgets `ledger` is about.
    async fn keeping(
        ledger: Ledger,
        shared: Option<SharedBudgets>,
        rule: BudgetRule,
        options: Options,
    ) -> Self {
        let clock = Arc::<AtomicU64>::default();
        let seconds = Arc::clone(&clock);
        let mut prices = options.budgets.prices;
        prices.entry(MODEL.to_owned()).or_insert(price(None));
        let budgets = Budgets {
            rules: vec![rule.clone()],
            prices,
        };
        let budget_ledger = BudgetLedger {
            clock: Arc::new(move || noon() + Duration::from_secs(seconds.load(Ordering::SeqCst))),
            shared,
            ..options.budget_ledger
        };
        let server = TestServer::with(Options {
            budgets,
            budget_ledger,
            ..options
        })
        .await;
        Self {
            server,
            ledger,
            clock,
            rule,
        }
    }

    /// How the one account for all stands that counts `unit`.
    fn balance(&self, unit: BudgetUnit) -> AccountBalance {
        let limit = self.rule.limits().find(|it| it.0 == unit).expect("a limit");
        let account = Account::new(self.rule.account_prefix(unit), self.rule.period, limit.1);
        let now = noon() + Duration::from_secs(self.clock.load(Ordering::SeqCst));
        self.ledger.balance(&account, now)
    }

    /// What was settled since `before`, of which nothing is reserved any more.
    #[track_caller]
    fn settled_since(&self, before: AccountBalance, unit: BudgetUnit) -> u64 {
        let now = self.balance(unit);
        assert_eq!(now.reserved, 0);
        now.settled - before.settled
    }

    async fn head(&self, client: &Client, path: &str, body: &Value) -> Response<Body> {
        let request = Request::builder()
            .method(if body.is_null() { "GET" } else { "POST" })
            .uri(path)
            .header("authorization", format!("Bearer {}", client.key()))
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("a request");
        let Ok(response) = self.server.gateway.answer(request).await;
        response
    }

    /// What is answered to a request with the idempotency key `key`.
    async fn keyed(&self, key: &str, (path, body): &(&str, Value)) -> Response<Body> {
        let client = &self.server.client;
        let mut request = client.request("POST", path, body.to_string().into());
        let key = key.parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        let Ok(response) = self.server.gateway.answer(request).await;
        response
    }

    async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.head(&self.server.client, path, body).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a whole body");
        let body = serde_json::from_slice(&body.to_bytes());
        (status, body.unwrap_or(Value::Null))
    }
}

/// Reads the pieces of a stream up to the one with which it has said `what`.
async fn read_to(what: &str, body: &mut Body) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        let frame = body.frame().await.expect("more").expect("a frame");
        text.push_str(std::str::from_utf8(&frame.into_data().expect("data")).expect("text"));
    }
    text
}

fn response(max_output_tokens: u64) -> Value {
    json!({"model": MODEL, "input": SAID, "store": false, "max_output_tokens": max_output_tokens})
}

fn chat(stream: bool) -> Value {
    json!({
        "model": MODEL, "n": 3, "stream": stream, "max_tokens": 100,
        "messages": [{"role": "user", "content": SAID}],
    })
}

fn tokens(body: &Value, kind: &str) -> u64 {
    body["usage"][kind].as_u64().expect("a number")
}

#[tokio::test]
async fn what_a_request_may_use_is_reserved() {
    let generous = Budgeted::new(Place::Own, rule(Some(100_000), None)).await;
    let usage = generous.ask("/v1/responses", &response(100)).await.1;
    let (responses, input) = ("/v1/responses", tokens(&usage, "input_tokens"));
    let usage = generous.ask("/v1/chat/completions", &chat(false)).await.1;
    let (chats, prompt) = ("/v1/chat/completions", tokens(&usage, "prompt_tokens"));
    let unbounded = json!({"model": MODEL, "input": SAID});
    for (path, body, model_max, most) in [
        (
            responses,
            response(100),
            None,
            [input + 100, 2 * input + 1_000],
        ),
        (
            responses,
            response(100),
            Some(40),
            [input + 100, 2 * input + 1_000],
        ),
        (
            responses,
            unbounded.clone(),
            None,
            [input + 1_024, 2 * input + 10_240],
        ),
        (
            responses,
            unbounded,
            Some(40),
            [input + 40, 2 * input + 400],
        ),
        (
            chats,
            chat(true),
            None,
            [prompt + 300, 3 * (2 * prompt + 1_000)],
        ),
    ] {
        let says = [format!("{} tokens", most[0]), format!("$0.{:06}", most[1])];
        for (rule, says) in [rule(Some(1), None), rule(None, Some(1))]
            .into_iter()
            .zip(says)
        {
            let mut options = Options::default();
            let prices = &mut options.budgets.prices;
            prices.insert(MODEL.to_owned(), price(model_max));
            let budget = Budgeted::with(Place::Own, rule, options).await;
            let (status, answer) = budget.ask(path, &body).await;
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            let most = format!("which may use up to {says}. ");
            assert!(
                status == 429 && message.contains(&most),
                "{most}: {message}"
            );
        }
    }
}

async fn a_budget_that_is_used_up_says_when_it_renews_and_does(place: Place) {
    for (period, window, renews, seconds) in [
        (Period::Day, "2026-11-30", "2026-12-01", 12 * 3_600),
        (Period::Month, "2026-11", "2026-12-01", 12 * 3_600),
    ] {
        let budget = Budgeted::new(
            place,
            BudgetRule {
                period,
                ..rule(Some(130), None)
            },
        )
        .await;
        let asked = response(100);
        let ask = || budget.ask("/v1/responses", &asked);
        assert_eq!(ask().await.0, 200);
        let answer = budget
            .head(&budget.server.client, "/v1/responses", &response(100))
            .await;
        let headers = answer.headers().clone();
        assert_eq!(answer.status(), 429);
        assert_eq!(headers["x-should-retry"], "false");
        assert!(!headers.contains_key("retry-after"));
        let (_, body) = ask().await;
        let count = json!({"model": MODEL, "input": SAID});
        let counted = budget.ask("/v1/responses/input_tokens", &count).await.1;
        let most = 100 + counted["input_tokens"].as_u64().expect("a number");
        let message = format!(
            "Budget `team` has too little left in {window} for this request, which may use up to \
             {most} tokens. It renews on {renews} at 00:00 UTC. Send less, or ask for fewer tokens."
        );
        let error = json!({
            "message": message, "type": "insufficient_quota", "param": null,
            "code": "insufficient_quota",
        });
        assert_eq!(body["error"], error);
        budget.clock.store(seconds - 1, Ordering::SeqCst);
        assert_eq!(ask().await.0, 429, "the last second");
        budget.clock.store(seconds, Ordering::SeqCst);
        assert_eq!(ask().await.0, 200, "the next window");
        budget.clock.store(seconds - 1, Ordering::SeqCst);
        assert_eq!(
            ask().await.0,
            429,
            "a clock that goes back opens no window again"
        );
        let metrics = budget.server.client.get("/metrics").await.text();
        let denied = "lukhas_budget_denied_total{budget=\"team\",unit=\"tokens\"} 4";
        assert!(metrics.contains(denied), "{metrics}");
    }
}

async fn accounts_are_of_what_the_budget_counts_by(place: Place) {
    for (per, shared) in [
        (&[][..], true),
        (&[BudgetPer::Key], false),
        (&[BudgetPer::Project], false),
    ] {
        let budget = Budgeted::new(
            place,
            BudgetRule {
                per: per.to_vec(),
                ..rule(Some(130), None)
            },
        )
        .await;
        assert_eq!(budget.ask("/v1/responses", &response(100)).await.0, 200);
        let stranger = &budget.server.stranger;
        let other = budget.head(stranger, "/v1/responses", &response(100)).await;
        assert_eq!(other.status() == 429, shared, "{per:?}");
    }
    let budget = Budgeted::new(
        place,
        BudgetRule {
            projects: vec!["stranger".into()],
            ..rule(Some(1), None)
        },
    )
    .await;
    assert_eq!(budget.ask("/v1/responses", &response(100)).await.0, 200);
    let other = budget
        .head(&budget.server.stranger, "/v1/responses", &response(100))
        .await;
    assert_eq!(other.status(), 429);
}

#[tokio::test]
async fn there_are_only_so_many_accounts() {
    let options = Options {
        budget_ledger: BudgetLedger {
            ledger: Ledger::with(1, None),
            ..BudgetLedger::default()
        },
        ..Options::default()
    };
    let rule = BudgetRule {
        per: vec![BudgetPer::Key],
        ..rule(Some(1_000), None)
    };
    let budget = Budgeted::with(Place::Own, rule, options).await;
    let asked = response(100);
    assert_eq!(budget.ask("/v1/responses", &asked).await.0, 200);
    let stranger = &budget.server.stranger;
    let other = budget.head(stranger, "/v1/responses", &asked).await;
    assert_eq!(other.status(), 503);
    assert_eq!(budget.ask("/v1/responses", &asked).await.0, 200);
}

#[tokio::test]
async fn a_budget_of_money_lets_nothing_through_that_has_no_price() {
    let budget = Budgeted::new(Place::Own, rule(None, Some(10_u64.pow(12)))).await;
    let mut body = response(100);
    assert_eq!(budget.ask("/v1/responses", &body).await.0, 200);
    body["model"] = json!("gpt-4o-mini");
    let (status, answer) = budget.ask("/v1/responses", &body).await;
    assert_eq!(status, 400);
    let message = "`gpt-4o-mini` has no price, and budget `team` counts money. Use a model that the \
                   operator has given a price.";
    assert_eq!(answer["error"]["message"], message);
    assert_eq!(answer["error"]["param"], "model");
    let embed = json!({"model": "text-embedding-3-small", "input": "one"});
    assert_eq!(budget.ask("/v1/embeddings", &embed).await.0, 400);
}

/// A log that can be written or not, as the test says.
struct Log(Arc<AtomicBool>);

impl SpendLog for Log {
    fn append(&self, _: &Spend<'_>) -> Result<(), SpendLogError> {
        self.check()
    }

    fn check(&self) -> Result<(), SpendLogError> {
        match self.0.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(SpendLogError::new("the disk is full")),
        }
    }
}

#[tokio::test]
async fn what_could_not_be_recorded_is_not_begun() {
    let is_writable = Arc::new(AtomicBool::new(false));
    let ledger = Ledger::with(9, Some(Box::new(Log(Arc::clone(&is_writable)))));
    let rule = BudgetRule {
        projects: vec!["default".into()],
        ..rule(Some(1_000), None)
    };
    let options = Options {
        budget_ledger: BudgetLedger {
            ledger,
            ..BudgetLedger::default()
        },
        ..Options::default()
    };
    let budget = Budgeted::with(Place::Own, rule, options).await;
    let (status, body) = budget.ask("/v1/responses", &response(100)).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (503, &json!("overloaded"))
    );
    let ready = budget.server.client.get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["checks"]["budgets"]["status"]),
        (503, &json!("failed"))
    );
    let other = budget
        .head(&budget.server.stranger, "/v1/responses", &response(100))
        .await;
    assert_eq!(other.status(), 200, "no budget covers it");
    is_writable.store(true, Ordering::SeqCst);
    assert_eq!(budget.ask("/v1/responses", &response(100)).await.0, 200);
    assert_eq!(budget.server.client.get("/readyz").await.status, 200);
}
