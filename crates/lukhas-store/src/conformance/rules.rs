// SPDX-License-Identifier: Apache-2.0
//! The rules, one function each.

use lukhas_core::StoredResponse;

use super::Violation;
use super::fixture::{Probe, context_of, every_kind_of_item, response};

pub(super) async fn is_healthy(probe: Probe<'_>) -> Result<(), Violation> {
    probe.healthy().await
}

pub(super) async fn comes_back(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-comes-back";
    let rich = StoredResponse {
        body: "{\"b\" : 1.00,\n\"a\":\"\\u00e9é🦀\", \"b\":2 }".into(),
        input: every_kind_of_item(),
        output: every_kind_of_item(),
        ..response("resp_rich", None)
    };
    let bare = StoredResponse {
        body: "{}".into(),
        input: Vec::new(),
        output: Vec::new(),
        ..response("resp_bare", Some("resp_rich"))
    };
    probe.put(tenant, &rich).await?;
    probe.put(tenant, &bare).await?;
    probe.get(tenant, "resp_rich", Some(&rich)).await?;
    probe.get(tenant, "resp_bare", Some(&bare)).await
}

pub(super) async fn not_found(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-not-found";
    probe.put(tenant, &response("resp_1", None)).await?;
    let long = "x".repeat(100_000);
    for id in [
        "",
        "resp_2",
        "RESP_1",
        "resp_1 ",
        "resp%",
        "resp\0",
        "' or '1'='1",
        "é🦀",
        &long,
    ] {
        probe.get(tenant, id, None).await?;
        probe.context(tenant, id, None).await?;
        probe.delete(tenant, id, false).await?;
    }
    Ok(())
}

pub(super) async fn tenants(probe: Probe<'_>) -> Result<(), Violation> {
    let (ours, theirs) = ("conformance-tenants-a", "conformance-tenants-b");
    let secret = response("resp_1", None);
    probe.put(theirs, &secret).await?;
    probe.get(ours, "resp_1", None).await?;
    probe.context(ours, "resp_1", None).await?;
    probe.delete(ours, "resp_1", false).await?;

    // Naming it as previous does not reach it either.
    probe.put(ours, &response("resp_2", Some("resp_1"))).await?;
    probe.context(ours, "resp_2", None).await?;

    let same_id = StoredResponse {
        body: "{\"tenant\":\"ours\"}".into(),
        ..response("resp_1", None)
    };
    probe.put(ours, &same_id).await?;
    probe.get(ours, "resp_1", Some(&same_id)).await?;
    probe.get(theirs, "resp_1", Some(&secret)).await?;
    probe.delete(ours, "resp_1", true).await?;
    probe.get(theirs, "resp_1", Some(&secret)).await
}

pub(super) async fn conversation(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-conversation";
    let [first, second, third] = &three_turns(probe, tenant).await?;
    for chain in [&[first][..], &[first, second], &[first, second, third]] {
        expect_context(probe, tenant, chain).await?;
    }
    let rich = StoredResponse {
        input: every_kind_of_item(),
        output: every_kind_of_item(),
        ..response("resp_4", Some("resp_3"))
    };
    let last = response("resp_5", Some("resp_4"));
    probe.put(tenant, &rich).await?;
    probe.put(tenant, &last).await?;
    expect_context(probe, tenant, &[first, second, third, &rich, &last]).await
}

pub(super) async fn branches(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-branches";
    let [first, second, third] = &three_turns(probe, tenant).await?;
    let other = response("resp_other", Some("resp_1"));
    probe.put(tenant, &other).await?;
    expect_context(probe, tenant, &[first, &other]).await?;
    expect_context(probe, tenant, &[first, second, third]).await
}

pub(super) async fn delete(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-delete";
    let gone = response("resp_1", None);
    let kept = response("resp_2", None);
    probe.put(tenant, &gone).await?;
    probe.put(tenant, &kept).await?;
    probe.delete(tenant, "resp_1", true).await?;
    probe.get(tenant, "resp_1", None).await?;
    probe.context(tenant, "resp_1", None).await?;
    probe.delete(tenant, "resp_1", false).await?;
    probe.get(tenant, "resp_2", Some(&kept)).await?;
    probe.put(tenant, &gone).await?;
    probe.get(tenant, "resp_1", Some(&gone)).await
}

pub(super) async fn survives_delete(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-survives-delete";
    let [first, second, third] = &three_turns(probe, tenant).await?;
    probe.delete(tenant, "resp_2", true).await?;
    expect_context(probe, tenant, &[first, second, third]).await?;
    probe.delete(tenant, "resp_1", true).await?;
    expect_context(probe, tenant, &[first, second, third]).await?;
    probe.get(tenant, "resp_3", Some(third)).await?;

    let fourth = response("resp_4", Some("resp_3"));
    probe.put(tenant, &fourth).await?;
    probe.delete(tenant, "resp_3", true).await?;
    expect_context(probe, tenant, &[first, second, third, &fourth]).await
}

pub(super) async fn replace(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-replace";
    let [first, second, third] = &three_turns(probe, tenant).await?;
    let again = StoredResponse {
        body: "{\"again\":true}".into(),
        input: every_kind_of_item(),
        ..response("resp_2", None)
    };
    probe.put(tenant, &again).await?;
    probe.get(tenant, "resp_2", Some(&again)).await?;
    expect_context(probe, tenant, &[&again]).await?;
    expect_context(probe, tenant, &[first, second, third]).await?;

    // The response that it continues here is the one it replaces.
    let itself = response("resp_2", Some("resp_2"));
    probe.put(tenant, &itself).await?;
    expect_context(probe, tenant, &[&again, &itself]).await?;
    probe.delete(tenant, "resp_2", true).await?;
    probe.get(tenant, "resp_2", None).await
}

pub(super) async fn lost(probe: Probe<'_>) -> Result<(), Violation> {
    let tenant = "conformance-lost";
    let gone = response("resp_1", None);
    probe.put(tenant, &gone).await?;
    probe.delete(tenant, "resp_1", true).await?;
    let orphan = response("resp_2", Some("resp_1"));
    let child = response("resp_3", Some("resp_2"));
    for kept in [&orphan, &child] {
        probe.put(tenant, kept).await?;
        probe.get(tenant, &kept.id, Some(kept)).await?;
        probe.context(tenant, &kept.id, None).await?;
    }
    // Nothing comes back to life with the identifier.
    probe.put(tenant, &gone).await?;
    probe.context(tenant, "resp_2", None).await
}

pub(super) async fn long(probe: Probe<'_>) -> Result<(), Violation> {
    const TURNS: usize = 1_000;
    let tenant = "conformance-long";
    let mut turns: Vec<StoredResponse> = Vec::with_capacity(TURNS);
    for number in 0..TURNS {
        let previous = turns.last().map(|turn| turn.id.as_str());
        let turn = response(&format!("resp_{number}"), previous);
        probe.put(tenant, &turn).await?;
        turns.push(turn);
    }
    let turns: Vec<&StoredResponse> = turns.iter().collect();
    expect_context(probe, tenant, &turns).await
}

async fn three_turns(probe: Probe<'_>, tenant: &str) -> Result<[StoredResponse; 3], Violation> {
    let turns = [
        response("resp_1", None),
        response("resp_2", Some("resp_1")),
        response("resp_3", Some("resp_2")),
    ];
    for turn in &turns {
        probe.put(tenant, turn).await?;
    }
    Ok(turns)
}

/// The context of the last of `chain`, each of which continued the one before it.
async fn expect_context(
    probe: Probe<'_>,
    tenant: &str,
    chain: &[&StoredResponse],
) -> Result<(), Violation> {
    let id = chain.last().map_or("", |last| last.id.as_str());
    probe.context(tenant, id, Some(&context_of(chain))).await
}
