// SPDX-License-Identifier: Apache-2.0
//! Budgets that change while they are spent.

use lukhas_store::SpendJournal;

use super::*;

/// `budgets`, kept in the folder of the case.
fn kept(budgets: &str) -> String {
    format!("store: {{dir: data}}\nlimits: []\nbudgets: [{budgets}]\n")
}

impl Case {
    /// What the account of the journal was spent that is called so, whatever its window.
    fn spent(&self, account: &str) -> Option<u64> {
        let lines = SpendJournal::read(&self.folder.path().join("data")).unwrap();
        let mut lines = lines.iter().filter(|line| *line.page.account == *account);
        let spent = lines.next().map(|line| line.amount);
        assert!(lines.next().is_none(), "one window");
        spent
    }
}

#[tokio::test]
async fn an_account_goes_on_under_its_name_and_its_amount_is_that_of_the_last_reload() {
    let case = Case::new(&kept(""));
    let ask = || case.ask("lukhas-matriz");
    assert_eq!((ask().await, case.spent("team/tokens")), (200, None));
    let large = "{name: team, per_window: month, tokens: 1000}";
    case.reload(&kept(large)).unwrap();
    assert_eq!(ask().await, 200);
    let each = case.spent("team/tokens").unwrap();
    // So many tokens are enough for one call, for two, and so on: 20 of them may be its output.
    let [one, two, three] = [1, 2, 3].map(|calls| calls * each + 20);
    let month =
        |more: &str, tokens| format!("{{name: team, per_window: month, tokens: {tokens}{more}}}");
    for (budgets, status) in [
        (month("", one), 429),
        (month("", two), 200),
        (month("", two), 429),
        (month(", projects: [default]", two), 429),
        (
            format!(
                "{{name: more, per_window: day, tokens: 1}}, {}",
                month("", two)
            ),
            429,
        ),
        // Other accounts.
        (month("", one).replace("team", "other"), 200),
        (month("", one).replace("month", "day"), 200),
        (month(", per: [project]", one), 200),
        (String::new(), 200),
        // And back.
        (month("", two), 429),
        (month("", three), 200),
    ] {
        case.reload(&kept(&budgets)).unwrap();
        assert_eq!(ask().await, status, "{budgets}");
    }
    let of_project = "team/tokens/project/default/default";
    assert_eq!(case.spent(of_project), Some(each));
    case.reload(&kept(&month("", 0))).unwrap_err();
    assert_eq!(ask().await, 429, "the last one that was good is in force");
}

#[tokio::test]
async fn a_request_under_way_is_settled_with_the_budget_and_the_price_that_it_began_with() {
    let mock = MockServer::start(MockOptions::default()).await.unwrap();
    let yaml = |budget: &str, price: &str| {
        let budget = format!("{{name: {budget}, per_window: day, tokens: 9999, usd: '1'}}");
        format!(
            "{}upstreams: {{mock: {{base_url: '{}/v1'}}}}\n\
             models: {{table: {{m: {{price: {{input: '{price}', output: '{price}'}}, \
             targets: [{{upstream: mock, model: mock+delay=100ms}}]}}}}}}\n",
            kept(&budget),
            mock.url()
        )
    };
    let case = Case::new(&yaml("first", "2"));
    let mut question = question("m");
    question["stream"] = json!(true);
    let (status, rest) = case.begin(&question).await;
    assert_eq!(status, 200);
    case.reload(&yaml("next", "9")).unwrap();
    assert_eq!(case.spent("first/tokens"), None, "it is under way");
    rest.await;
    let tokens = case.spent("first/tokens").unwrap();
    assert_eq!(case.spent("first/usd"), Some(tokens * 2_000_000));
    assert_eq!(case.spent("next/tokens"), None);
    assert_eq!(case.ask("m").await, 200);
    assert_eq!(case.spent("next/tokens"), Some(tokens));
    assert_eq!(case.spent("next/usd"), Some(tokens * 9_000_000));
}

#[tokio::test]
async fn a_journal_stays_where_it_was_at_the_start() {
    let budgets = "{name: team, per_window: month, tokens: 1000}";
    let case = Case::new(&kept(budgets));
    let moved = kept(budgets).replace("data", "moved");
    let reloaded = case.reload(&moved).unwrap();
    assert_eq!(
        (reloaded.needs_restart, reloaded.warnings),
        (vec!["store.dir".to_owned()], vec![])
    );
    assert_eq!(case.ask("lukhas-matriz").await, 200);
    assert!(case.spent("team/tokens").is_some());
    assert!(!case.folder.path().join("moved").exists());
}

#[test]
fn budgets_that_are_kept_in_memory_are_named_each_time() {
    let case = Case::new("");
    assert!(case.app.warnings().is_empty());
    let budgets = "budgets: [{name: team, per_window: month, tokens: 1000}]\n";
    let warning = "budgets are kept in memory and begin anew with each start: set `store.dir` to keep \
                   them";
    for yaml in [
        budgets.to_owned(),
        format!("{budgets}store: {{dir: data}}\n"),
    ] {
        assert_eq!(case.reload(&yaml).unwrap().warnings, [warning]);
    }
    assert!(case.reload("").unwrap().warnings.is_empty());
    assert_eq!(Case::new(budgets).app.warnings(), [warning]);
}
