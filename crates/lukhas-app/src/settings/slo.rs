// SPDX-License-Identifier: Apache-2.0
//! What is promised of answers.

use lukhas_gateway::RateClass;
use lukhas_observability::SloBudget;

use super::problem;
use crate::config::{LatencyBudgetConfig, Problem, SloConfig};

/// The promises of `config`, by the class of their routes.
pub(super) fn budgets(config: &SloConfig) -> Result<Vec<(RateClass, SloBudget)>, Vec<Problem>> {
    let kinds = [
        ("responses", RateClass::Responses, &config.responses),
        (
            "chat_completions",
            RateClass::Chat,
            &config.chat_completions,
        ),
        ("embeddings", RateClass::Embeddings, &config.embeddings),
    ];
    let (mut budgets, mut problems) = (Vec::new(), Vec::new());
    for (name, class, config) in kinds {
        let Some(LatencyBudgetConfig { p95_ms, p99_ms }) = config else {
            continue;
        };
        if p99_ms.get() < p95_ms.get() {
            let message = format!(
                "{} ms are less than `p95_ms`, which is {}",
                p99_ms.get(),
                p95_ms.get()
            );
            let help = "more answers begin within more time: write as much or more";
            problems.push(problem(&format!("objectives.{name}.p99_ms"), message).with_help(help));
        }
        let budget = SloBudget {
            name,
            p95: p95_ms.millis(),
            p99: p99_ms.millis(),
        };
        budgets.push((class, budget));
    }
    if problems.is_empty() {
        Ok(budgets)
    } else {
        Err(problems)
    }
}
