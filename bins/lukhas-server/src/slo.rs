// SPDX-License-Identifier: Apache-2.0
//! `lukhas slo`: whether answers are as they were promised.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use lukhas_observability::{SloReport, SloStanding};
use serde_json::{Value, json};

use crate::command::{pretty, print};
use crate::failure::Failure;
use crate::table;

/// Most bytes of metrics that are read.
const MOST: u64 = 64 << 20;

/// Says how the objectives stand in the metrics of `file`, or of standard input.
pub(crate) fn report(file: Option<&Path>, json: bool) -> Result<(), Failure> {
    let text = match file {
        Some(path) => fs::read_to_string(path).map_err(|source| Failure::Metrics {
            path: path.to_owned(),
            source,
        })?,
        None => standard_input()?,
    };
    let report = SloReport::parse(&text).map_err(Failure::NoObjectives)?;
    if json {
        let objectives: Vec<_> = report.objectives.iter().map(to_json).collect();
        print(&pretty(
            &json!({"met": report.is_met(), "objectives": objectives}),
        )?)?;
    } else {
        let heads = [
            "SLO",
            "OBJECTIVE",
            "BEGIN WITHIN",
            "SHARE",
            "TARGET",
            "REQUESTS",
            "BUDGET LEFT",
            "BURN 1H",
            "VERDICT",
        ];
        let rows = report.objectives.iter().map(row);
        let rows: Vec<_> = std::iter::once(heads.map(str::to_owned))
            .chain(rows)
            .collect();
        print(&table::text(&rows))?;
    }
    if report.is_met() {
        Ok(())
    } else {
        Err(Failure::Missed)
    }
}

fn standard_input() -> Result<String, Failure> {
    let input = io::stdin();
    if input.is_terminal() {
        return Err(Failure::NoMetrics);
    }
    let mut text = String::new();
    let read = input.lock().take(MOST).read_to_string(&mut text);
    read.map_err(Failure::Text)?;
    Ok(text)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn row(standing: &SloStanding) -> [String; 9] {
    let share = standing.share().map_or_else(|| "-".to_owned(), percent);
    let burn = standing.burn_rates.get("1h").copied().unwrap_or_default();
    let verdict = match (standing.share(), standing.is_met()) {
        (None, _) => "no requests",
        (Some(_), true) => "met",
        (Some(_), false) => "MISSED",
    };
    [
        standing.slo.clone(),
        standing.objective.clone(),
        format!("{} s", standing.threshold),
        share,
        percent(standing.target),
        (standing.good + standing.bad).to_string(),
        percent(standing.budget_left()),
        format!("{burn:.2}"),
        verdict.to_owned(),
    ]
}

fn to_json(standing: &SloStanding) -> Value {
    json!({
        "slo": standing.slo,
        "objective": standing.objective,
        "threshold_s": standing.threshold,
        "target": standing.target,
        "good": standing.good,
        "bad": standing.bad,
        "share": standing.share(),
        "budget_left": standing.budget_left(),
        "burn_rates": standing.burn_rates,
        "met": standing.is_met(),
    })
}
