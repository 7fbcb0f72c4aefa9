// SPDX-License-Identifier: Apache-2.0
//! What stays of a conversation that is too long.

use super::*;

/// Of `items`, in a window of 100 tokens, those at `kept` stay.
async fn check_shortened(items: Vec<Item>, kept: &[usize]) {
    let expected: Vec<Item> = kept.iter().map(|place| items[*place].clone()).collect();
    let request = RunRequest {
        max_output_tokens: Some(10),
        ..auto(items)
    };
    assert_eq!(Bench::new(100).fit(request).await, Ok(expected));
}

#[tokio::test]
async fn the_oldest_go_first() {
    use Role::{Assistant, User};
    let turns = vec![
        said(User, 30),
        said(Assistant, 30),
        said(User, 30),
        said(Assistant, 30),
        said(User, 30),
    ];
    check_shortened(turns[2..].to_vec(), &[0, 1, 2]).await;
    check_shortened(turns, &[2, 3, 4]).await;
    // What does not fit ends it: nothing older takes its place.
    let turns = vec![said(User, 5), said(Assistant, 80), said(User, 30)];
    check_shortened(turns, &[2]).await;
}

#[tokio::test]
async fn instructions_stay() {
    use Role::{Developer, System, User};
    let turns = vec![
        said(System, 20),
        said(User, 30),
        said(Developer, 20),
        said(User, 30),
        said(User, 30),
    ];
    check_shortened(turns, &[0, 2, 4]).await;
}

#[tokio::test]
async fn the_focus_stays() {
    use Role::{Assistant, User};
    // The last user message, even when much was said since.
    let turns = vec![
        said(User, 10),
        said(User, 40),
        said(Assistant, 30),
        said(Assistant, 30),
    ];
    check_shortened(turns, &[1, 3]).await;
    // Outputs that the model has not seen, with their calls.
    let turns = vec![
        said(User, 20),
        call("call_a"),
        call("call_b"),
        output("call_a", &words(20)),
        output("call_b", &words(20)),
    ];
    check_shortened(turns.clone(), &[0, 1, 2, 3, 4]).await;
    let mut longer = turns;
    longer.insert(0, said(Assistant, 20));
    check_shortened(longer, &[1, 2, 3, 4, 5]).await;
    // The last item, when there is nothing else to hold on to.
    check_shortened(vec![said(Assistant, 80), said(Assistant, 80)], &[1]).await;
}

#[tokio::test]
async fn a_call_and_its_output_go_together() {
    use Role::User;
    let turns = vec![
        said(User, 20),
        call("call_a"),
        output("call_a", &words(40)),
        said(Role::Assistant, 10),
        said(User, 40),
    ];
    // Call 6, output 44, and the rest 50: neither stays without the other.
    check_shortened(turns, &[3, 4]).await;
    // Far apart: it is as old as the call.
    let turns = vec![
        call("call_a"),
        said(User, 30),
        output("call_a", &words(10)),
        said(Role::Assistant, 40),
        said(User, 20),
    ];
    check_shortened(turns, &[1, 3, 4]).await;
    // The wrong way round: still a pair.
    let turns = vec![
        output("call_a", &words(10)),
        said(User, 30),
        call("call_a"),
        said(Role::Assistant, 20),
        said(User, 21),
    ];
    check_shortened(turns.clone(), &[0, 2, 3, 4]).await;
    let mut longer = turns;
    longer[4] = said(User, 60);
    check_shortened(longer, &[3, 4]).await;
    // An identifier used again means its latest use.
    let turns = vec![
        call("call_a"),
        output("call_a", &words(50)),
        call("call_a"),
        output("call_a", &words(40)),
        said(Role::Assistant, 10),
        said(User, 20),
    ];
    check_shortened(turns, &[2, 3, 4, 5]).await;
}

#[tokio::test]
async fn reasoning_goes_with_what_it_led_to() {
    let turns = vec![
        said(Role::User, 20),
        opaque(),
        call("call_a"),
        output("call_a", &words(40)),
        said(Role::Assistant, 10),
        said(Role::User, 21),
    ];
    // Reasoning 9, call 6, output 44, the rest 31: all of the 90.
    check_shortened(turns.clone(), &[1, 2, 3, 4, 5]).await;
    let mut longer = turns;
    longer[5] = said(Role::User, 22);
    check_shortened(longer, &[4, 5]).await;
}

#[tokio::test]
async fn what_must_stay_and_does_not_fit_is_refused() {
    let request = auto(vec![said(Role::System, 60), said(Role::User, 60)]);
    let error = Bench::new(100).fit(request).await.unwrap_err();
    assert_eq!(error.kind, RunErrorKind::ContextLength);
    assert_eq!(error.param.as_deref(), Some("input"));
}

#[tokio::test]
async fn shortening_leaves_room_for_an_answer_worth_having() {
    let turns = |tokens| vec![said(Role::User, 50), said(Role::User, tokens)];
    let kept = |tokens| async move {
        let kept = Bench::new(100).fit(auto(turns(tokens))).await;
        kept.unwrap().len()
    };
    assert_eq!(kept(38).await, 2); // 12 of 100 are left for an answer.
    assert_eq!(kept(39).await, 1);
    // What must stay may take more.
    assert_eq!(kept(99).await, 1);
}
