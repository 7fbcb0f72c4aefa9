// SPDX-License-Identifier: Apache-2.0
//! Whatever a conversation is, shortening it keeps what belongs together, in order, within the
//! window.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Conversations whose calls have identifiers of their own and whose items are all different.
fn conversations() -> impl Strategy<Value = Vec<Item>> {
    let piece = (0..8_u8, 0..30_usize, any::<Index>());
    prop::collection::vec(piece, 1..24).prop_map(|pieces| {
        let mut open: Vec<String> = Vec::new();
        let mut items = Vec::new();
        for (place, (kind, length, pick)) in pieces.into_iter().enumerate() {
            let text = format!("{place} {}", "ab cdefg ".repeat(length));
            items.push(match kind {
                0 | 1 => user(&text),
                2 | 3 => assistant(&text),
                4 if place % 3 == 0 => system(&text),
                4 => Item::text(Role::Developer, text),
                5 => {
                    open.push(format!("call_{place}"));
                    call(&format!("call_{place}"))
                }
                6 if !open.is_empty() => output(&open.remove(pick.index(open.len())), &text),
                _ => Item::Opaque(json!({ "id": text })),
            });
        }
        items
    })
}

fn weight<'i>(items: impl IntoIterator<Item = &'i Item>) -> u64 {
    let fours = Fours::default();
    let weight = |item: &Item| {
        let texts: usize = item.texts().map(|text| fours.count(text)).sum();
        let opaque = match item {
            Item::Opaque(value) => fours.count(&value.to_string()),
            _ => 0,
        };
        4 + (texts + opaque) as u64
    };
    items.into_iter().map(weight).sum()
}

/// The place that decides how old an item is: its call's, or that of the item it led to.
fn age(items: &[Item], place: usize) -> usize {
    match &items[place] {
        Item::FunctionOutput(output) => items
            .iter()
            .position(
                |item| matches!(item, Item::FunctionCall(call) if call.call_id == output.call_id),
            )
            .unwrap(),
        Item::Opaque(_) if place + 1 < items.len() => age(items, place + 1),
        _ => place,
    }
}

/// The ages of what must stay.
fn must_stay(items: &[Item]) -> Vec<usize> {
    let role = |item: &Item| match item {
        Item::Message(message) => Some(message.role),
        _ => None,
    };
    let is_user = |item: &Item| role(item) == Some(Role::User);
    let is_model =
        |item: &Item| role(item) == Some(Role::Assistant) || matches!(item, Item::FunctionCall(_));
    let is_output = |item: &Item| matches!(item, Item::FunctionOutput(_));
    let unseen = |place: usize| !items[place..].iter().any(is_model);
    let mut places: Vec<usize> = (0..items.len())
        .filter(|place| is_output(&items[*place]) && unseen(*place))
        .collect();
    places.extend(items.iter().rposition(is_user));
    if places.is_empty() {
        places.push(items.len() - 1);
    }
    let instruction =
        |place: &usize| matches!(role(&items[*place]), Some(Role::System | Role::Developer));
    places.extend((0..items.len()).filter(instruction));
    places.into_iter().map(|place| age(items, place)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn shortening_keeps_its_promises(
        items in conversations(),
        window in 40..600_u64,
        asked in prop::option::of(1..39_u32),
    ) {
        let request = RunRequest { max_output_tokens: asked, ..auto(items.clone()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shortened = runtime.block_on(Bench::new(window).fit(request));

        let ages: Vec<usize> = (0..items.len()).map(|place| age(&items, place)).collect();
        let fixed = must_stay(&items);
        let of_age = |wanted: &dyn Fn(usize) -> bool| {
            let places = (0..items.len()).filter(|place| wanted(ages[*place]));
            places.map(|place| &items[place]).collect::<Vec<&Item>>()
        };
        let hard = window - asked.map_or(1, u64::from);
        let soft = asked.map_or(window - window / 8, |_| hard);

        let Ok(kept) = shortened else {
            prop_assert!(weight(of_age(&|age| fixed.contains(&age))) > hard);
            return Ok(());
        };
        prop_assert!(weight(&kept) <= hard, "exceeds the window");

        // What stays is what must, and everything from some age on: in order, and never half a pair.
        let oldest = (0..items.len())
            .filter(|place| kept.contains(&items[*place]) && !fixed.contains(&ages[*place]))
            .map(|place| ages[place])
            .min()
            .unwrap_or(items.len());
        let expected = of_age(&|age| fixed.contains(&age) || age >= oldest);
        prop_assert_eq!(kept.iter().collect::<Vec<_>>(), expected);

        // Nothing went without need.
        let next = ages.iter().copied().filter(|age| *age < oldest && !fixed.contains(age)).max();
        if let Some(next) = next {
            prop_assert!(weight(of_age(&|age| fixed.contains(&age) || age >= next)) > soft);
        }
    }

    #[test]
    fn bytes_bound_tokens(items in conversations(), instructions in prop::option::of(".{0,40}")) {
        let request = RunRequest { instructions, ..request(items) };
        let tokenizer = Fours::default();
        let mut count = weight::Count::up_to(u64::MAX, &tokenizer);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            count.add_frame(&request).await;
            for item in &request.items {
                count.add_item(item).await;
            }
        });
        prop_assert!(count.tokens() <= weight::most(&request));
    }
}
