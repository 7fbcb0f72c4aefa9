// SPDX-License-Identifier: Apache-2.0
//! An answer that is like one before is read and passed on as if there had been none.

use super::*;

/// What comes of `text`, as the next answer where `templates` has been made by others.
fn pass(dialect: Dialect, text: &str, templates: &Templates) -> Vec<OutputEvent> {
    let request = request(dialect.api().expect("an API"), &json!({"model": "m"}), true);
    let (passage, _) = Passage::open(&request, dialect, "theirs", templates).expect("a passage");
    let mut answer = Answer::default();
    let mut reader = dialect.reader();
    match passage::read_whole(Some(passage), &mut *reader, text.as_bytes(), &mut answer) {
        Ok(()) => drain(answer),
        Err(unreadable) => vec![OutputEvent::Ended(RunEnd::failed(unreadable.into()))],
    }
}

fn completion(id: &str, text: &str, input: u64) -> String {
    format!(
        r#"{{"id":"{id}","object":"chat.completion","created":{input},"model":"m-1","choices":[{{"index":0,"message":{{"role":"assistant","content":{text},"refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{input},"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{{"cached_tokens":1}}}}}}
"#
    )
}

#[test]
fn what_is_like_the_last_answer_fits_its_template() {
    let templates = Templates::default();
    let fits = |text: &str| templates.fits("theirs", text, &["id", "created", "model"]);
    let first = completion("a", r#""Hello""#, 5);
    assert!(!fits(&first));
    pass(Dialect::Chat, &first, &templates);
    assert!(fits(&first));
    for text in [
        completion("b", r#""""#, 1_000_000),
        completion("b", r#""\u00e9\n\"}""#, 0),
    ] {
        assert!(fits(&text), "{text}");
        let fresh = pass(Dialect::Chat, &text, &Templates::default());
        assert_eq!(pass(Dialect::Chat, &text, &templates), fresh, "{text}");
    }
    for text in [
        completion("b", "null", 5),
        completion("b", "7", 5),
        completion("b", r#" "space""#, 5),
        completion("b", r#""a","refusal":"no""#, 5),
        completion("b", r#""a" "#, 5),
        first.replace(":5,", ":05,"),
        first.replace(":5,", ":-5,"),
        first.replace(":5,", ":5.0,"),
        first.replace("stop", "length"),
        first.trim_end().to_owned(),
        format!("{first}x"),
    ] {
        assert!(!fits(&text), "{text}");
    }
    // The names of what is this server's own are part of it.
    assert!(!templates.fits("theirs", &first, &["id", "created", "model", "store"]));
    assert!(!templates.fits("others", &first, &["id", "created", "model"]));
}

#[test]
fn a_template_is_made_ever_more_seldom_of_answers_that_never_fit() {
    let templates = Templates::default();
    let made = (0..1_000).filter(|number| {
        let text = completion("a", r#""x""#, 1).replace("\"x\"", &format!("\"x\",\"n{number}\":1"));
        pass(Dialect::Chat, &text, &templates);
        templates.fits("theirs", &text, &["id", "created", "model"])
    });
    assert_eq!(made.count(), 10, "1, 2, 4 and so on");
}

#[test]
fn templates_of_few_models_are_kept() {
    let templates = Templates::default();
    let first = completion("a", r#""x""#, 1);
    for number in 0..1_000 {
        let request = request(Api::ChatCompletions, &json!({"model": "m"}), true);
        let model = format!("m{number}");
        let (passage, _) = Passage::open(&request, Dialect::Chat, &model, &templates).unwrap();
        let mut answer = Answer::default();
        let mut reader = Dialect::Chat.reader();
        passage::read_whole(Some(passage), &mut *reader, first.as_bytes(), &mut answer).unwrap();
        assert!(templates.fits(&model, &first, &["id", "created", "model"]));
        assert!(templates.len() <= 64);
    }
}

/// A change to the text of an answer: so many characters go at a place, and others come.
fn cuts() -> impl Strategy<Value = (Index, usize, String)> {
    let put = "[\\[\\]{}:,\"\\\\ 0-9.e+\\-aé\n]{0,3}";
    (any::<Index>(), 0..3_usize, put)
}

fn cut(text: &str, (at, len, put): &(Index, usize, String)) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at.index(chars.len() + 1);
    let end = chars.len().min(at + len);
    chars.splice(at..end, put.chars());
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever comes after a recorded answer: with other values, and with text that is cut.
    #[test]
    fn an_answer_is_the_same_whatever_came_before(
        case in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), values()), 0..3),
        cuts in prop::collection::vec(cuts(), 0..3),
    ) {
        CASES.with(|cases| {
            let whole = cases
                .iter()
                .filter(|case| DIALECTS.contains(&case.dialect))
                .filter_map(|case| Some((case.dialect, case.whole.as_ref()?)));
            let (dialect, first) = *case.get(&whole.collect::<Vec<_>>());
            let templates = Templates::default();
            pass(dialect, &first.to_string(), &templates);
            let mut next = first.clone();
            edits.iter().for_each(|(node, value)| replace(&mut next, *node, value));
            let next = cuts.iter().fold(next.to_string(), |text, change| cut(&text, change));
            let fresh = pass(dialect, &next, &Templates::default());
            prop_assert_eq!(pass(dialect, &next, &templates), fresh, "{}", next);
            Ok(())
        })?;
    }
}
