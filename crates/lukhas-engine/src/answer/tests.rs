// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{
    FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Role, RunRequest,
};

use super::*;

#[track_caller]
fn check(items: Vec<Item>, expected: &str) {
    let request = RunRequest {
        items,
        ..RunRequest::default()
    };
    assert_eq!(text(&Turn::new(&request)), expected);
}

#[track_caller]
fn check_says(messages: &[&str], expected: &str) {
    check(
        messages
            .iter()
            .map(|text| Item::text(Role::User, *text))
            .collect(),
        expected,
    );
}

#[track_caller]
fn check_echo(messages: &[&str]) {
    check_says(messages, &format!("{ECHO} {}", messages.last().unwrap()));
}

fn user(parts: Vec<Part>) -> Item {
    Item::Message(Message {
        id: None,
        name: None,
        role: Role::User,
        parts,
    })
}

fn medium() -> Media {
    Media {
        source: MediaSource::FileId("file-1".into()),
        hint: None,
    }
}

#[test]
fn facts_of_the_conversation_are_recalled() {
    check_says(
        &["My name is Ada.", "What is my name?"],
        "Your name is Ada.",
    );
    check_says(
        &["Hi! My name is Ada Lovelace, by the way.", "what's my name"],
        "Your name is Ada Lovelace, by the way.",
    );
    check_says(
        &["The code word is swordfish", "What is the code word?"],
        "The code word is swordfish.",
    );
    check_says(
        &["I live in Paris.", "Where do I live?"],
        "You live in Paris.",
    );
    check_says(
        &["My favourite color is blue.", "What is my favorite colour?"],
        "Your favourite color is blue.",
    );
    check_says(
        &[
            "Remember that the launch code is 4.2.1!",
            "Tell me the launch code",
            "What's the launch code again?",
        ],
        "The launch code is 4.2.1.",
    );
    check_says(
        &["My name is Ada and I live in Rome.", "What is my name?"],
        "Your name is Ada.",
    );
    check_says(
        &[
            "My name is Ada and I live in Rome.",
            "Do you remember where I live?",
            "Where do I live?",
        ],
        "You live in Rome.",
    );
    check_says(&["Call me Ishmael.", "Who am I?"], "Your name is Ishmael.");
    check_says(&["I'm 30 years old", "How old am I?"], "Your age is 30.");
    check_says(
        &["I am Bob", "Tell me what my name is."],
        "Your name is Bob.",
    );
    check_says(
        &[
            "Our meeting is on Friday with my boss.",
            "When is our meeting?",
        ],
        "Your meeting is on Friday with your boss.",
    );
    check_says(
        &["Remember: buy milk", "What did I ask you to remember?"],
        "You asked me to remember: buy milk",
    );
    check_says(&["My name is Ada. What is my name?"], "Your name is Ada.");
    check_says(
        &["My doctor is Dr. Who.", "Who is my doctor?"],
        "Your doctor is Dr. Who.",
    );
}

#[test]
fn the_latest_statement_counts() {
    check_says(
        &[
            "My name is Ada.",
            "Actually, my name is Bob.",
            "What is my name?",
        ],
        "Your name is Bob.",
    );
    check_says(
        &["My name is Ada. No, my name is Eve.", "What is my name?"],
        "Your name is Eve.",
    );
}

#[test]
fn what_was_not_told_is_not_made_up() {
    check_says(
        &["What is my name?"],
        "You have not told me your name in this conversation.",
    );
    check_says(
        &["My dog is Rex", "What is my cat called?"],
        "You have not told me your cat in this conversation.",
    );
    check_says(
        &["Where do I work?"],
        "You have not told me that in this conversation.",
    );
    check_says(
        &["What do you remember?"],
        "You have not asked me to remember anything.",
    );
    check(
        vec![
            Item::text(Role::Assistant, "My name is Ada."),
            Item::text(Role::User, "What is my name?"),
        ],
        "You have not told me your name in this conversation.",
    );
    check_echo(&["What is the capital of France?"]);
    check_echo(&["My name is Ada.", "What is your name?"]);
}

#[test]
fn texts_asked_for_word_by_word_are_given() {
    check_says(&["Say this is a test"], "this is a test");
    check_says(
        &["Please say 'double bubble bath' ten times fast."],
        "double bubble bath",
    );
    check_says(&["Repeat: a, b. C!"], "a, b. C!");
    check_says(&["Repeat after me: hello"], "hello");
    check_says(&["Hello. Reply with exactly: PONG"], "PONG");
    check_says(&["Respond with the word ready."], "ready");
    check_says(&["Answer only with \"yes\"."], "yes");
    check_says(&["echo foo"], "foo");
    check_echo(&["Say something nice"]);
    check_echo(&["Reply with a poem"]);
    check_echo(&["Reply to Bob"]);
    check_echo(&["Sayings are old"]);
    check_echo(&["Say"]);
}

#[test]
fn arithmetic_comes_first_and_an_echo_last() {
    check_says(&["What is 2+2?"], "2+2 = 4");
    check_echo(&["hello"]);
    check_echo(&["Grüße, 世界 🙂"]);
    check_says(
        &["one", "  padded  "],
        "Echo from lukhas-matriz (offline engine, not a language model): padded",
    );
}

#[test]
fn nothing_is_answered_openly() {
    check(vec![], NOTHING);
    check_says(&[""], NOTHING);
    check_says(&[" \n"], NOTHING);
    check(vec![Item::text(Role::System, "Be kind.")], NOTHING);
}

#[test]
fn media_are_counted_and_not_pretended_to_be_seen() {
    check(
        vec![user(vec![Part::Image(medium())])],
        "Received 1 image, which this offline engine cannot see or read.",
    );
    check(
        vec![user(vec![
            Part::Text("What is 1+1?".into()),
            Part::File(medium()),
            Part::File(medium()),
            Part::Audio(medium()),
        ])],
        "Received 2 files and 1 audio clip, which this offline engine cannot see or read.\n1+1 = 2",
    );
}

#[test]
fn what_tools_gave_is_quoted() {
    let call = |id: &str, name: &str| {
        Item::FunctionCall(FunctionCall {
            id: None,
            call_id: id.into(),
            name: name.into(),
            arguments: "{}".into(),
        })
    };
    let output = |id: &str, parts| {
        Item::FunctionOutput(FunctionOutput {
            id: None,
            call_id: id.into(),
            parts,
        })
    };
    let sunny = || vec![Part::Text("{\"sky\":\"sunny\"}".into())];
    let ask = || Item::text(Role::User, "Weather?");
    check(
        vec![ask(), call("1", "sky"), output("1", sunny())],
        "The tool `sky` returned: {\"sky\":\"sunny\"}",
    );
    check(
        vec![
            ask(),
            call("1", "sky"),
            call("2", "sea"),
            output("1", sunny()),
            output("2", vec![]),
        ],
        "The tool `sky` returned: {\"sky\":\"sunny\"}\nThe tool `sea` returned nothing.",
    );
    check(
        vec![ask(), output("9", vec![Part::Image(medium())])],
        "The tool returned 1 image, which this offline engine cannot see or read.",
    );
    check(
        vec![call("1", "sky"), output("1", sunny()), ask()],
        &format!("{ECHO} Weather?"),
    );
}

#[test]
fn a_json_object_is_taken_over_or_wraps_the_answer() {
    let check = |message: &str, expected: Value| {
        let request = RunRequest {
            items: vec![Item::text(Role::User, message)],
            ..RunRequest::default()
        };
        assert_eq!(object(&Turn::new(&request)), expected);
    };
    check("Return {\"a\": [1]} as JSON", json!({"a": [1]}));
    check("{\"a\": ", json!({"answer": format!("{ECHO} {{\"a\":")}));
    check("What is 1+1?", json!({"answer": "1+1 = 2"}));
}
