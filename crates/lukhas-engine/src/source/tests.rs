// SPDX-License-Identifier: Apache-2.0
use super::*;

const ANY: fn(&str) -> bool = |_| true;

#[track_caller]
fn check_string(text: &str, name: &str, expected: Option<&str>) {
    let source = Source::new(text, [name].into_iter());
    assert_eq!(
        source.string(Some(name), None, ANY).as_deref(),
        expected,
        "{name} in {text}"
    );
}

#[track_caller]
fn check_numbers(text: &str, names: &[&str], expected: &[&str]) {
    let source = Source::new(text, names.iter().copied());
    let found: Vec<_> = names
        .iter()
        .map(|name| source.number(Some(name), ANY).unwrap_or_default())
        .collect();
    assert_eq!(found, expected, "{names:?} in {text}");
}

#[track_caller]
fn check_truth(text: &str, name: &str, expected: Option<bool>) {
    assert_eq!(
        Source::new(text, [].into_iter()).truth(name),
        expected,
        "{name} in {text}"
    );
}

#[test]
fn strings_are_found_by_name() {
    check_string("city: Paris, please", "city", Some("Paris"));
    check_string(
        "The user name is \"Ada L.\" now",
        "userName",
        Some("Ada L."),
    );
    check_string(
        "Book a trip to city New York City today",
        "city",
        Some("New York City"),
    );
    check_string("{\"order_id\": \"A-17\"}", "order_id", Some("A-17"));
    check_string("Where is order 1234?", "order_id", Some("1234"));
    check_string("subject = lunch", "subject", Some("lunch"));
}

#[test]
fn strings_are_found_by_meaning() {
    check_string(
        "What's the weather like in Paris today?",
        "location",
        Some("Paris"),
    );
    check_string("Weather for San Francisco?", "city", Some("San Francisco"));
    check_string("Fly from Berlin to Rome", "origin", Some("Berlin"));
    check_string("Fly from Berlin to Rome", "destination", Some("Rome"));
    check_string(
        "Translate 'good day' into French",
        "target_language",
        Some("French"),
    );
    check_string("Translate 'good day' into French", "text", Some("good day"));
    check_string("Mail bob@x.io about it", "email", Some("bob@x.io"));
    check_string(
        "See https://x.io/a?b=1.",
        "link",
        Some("https://x.io/a?b=1"),
    );
    check_string("Jason is 25 years old", "name", Some("Jason"));
    check_string("Extract: Ada Lovelace is 36", "first_name", Some("Ada"));
    check_string("Extract: Ada Lovelace is 36", "last_name", Some("Lovelace"));
    check_string(
        "Search the web for rust books.",
        "query",
        Some("rust books"),
    );
    check_string("What is 17*23?", "expression", Some("17*23"));
    check_string("hello there", "city", None);
    check_string("", "city", None);
}

#[test]
fn numbers_belong_to_their_names_and_else_come_in_order() {
    check_numbers("Add 2 and 3", &["a", "b"], &["2", "3"]);
    check_numbers("age 30, 5 apples", &["count", "age"], &["5", "30"]);
    check_numbers("Jason is 25 years old", &["age"], &["25"]);
    check_numbers("a 25-year-old", &["age"], &["25"]);
    check_numbers("3 nights for 2 guests", &["guests", "nights"], &["2", "3"]);
    check_numbers("It costs $1,234.50", &["price"], &["1234.50"]);
    check_numbers("{\"temperature\": 21}", &["temperature"], &["21"]);
    check_numbers("none here", &["a"], &[""]);
}

#[test]
fn each_value_is_taken_once() {
    let source = Source::new("1 \"x\"", [].into_iter());
    assert_eq!(source.number(None, ANY).as_deref(), Some("1"));
    assert_eq!(source.number(None, ANY), None);
}

#[test]
fn a_value_that_does_not_fit_is_left() {
    let source = Source::new("5 50", [].into_iter());
    assert_eq!(source.number(None, |n| n.len() == 2).as_deref(), Some("50"));
    assert_eq!(source.number(None, ANY).as_deref(), Some("5"));
}

#[test]
fn formats_choose_the_kind_of_value() {
    let source = Source::new("on 2024-02-29 mail a@b.co or 10.0.0.1", [].into_iter());
    assert_eq!(
        source.string(None, Some("date"), ANY).as_deref(),
        Some("2024-02-29")
    );
    assert_eq!(
        source.string(None, Some("email"), ANY).as_deref(),
        Some("a@b.co")
    );
    assert_eq!(
        source.string(None, Some("ipv4"), ANY).as_deref(),
        Some("10.0.0.1")
    );
    assert_eq!(source.string(None, Some("uuid"), ANY), None);
}

#[test]
fn truth_follows_the_words_around_the_name() {
    check_truth("be verbose", "verbose", Some(true));
    check_truth("verbose: false", "verbose", Some(false));
    check_truth("without alerts", "alerts", Some(false));
    check_truth("is_active=true", "is_active", Some(true));
    check_truth("hello", "verbose", None);
}

#[test]
fn mentions_ignore_case_form_and_underscores() {
    let source = Source::new("Use the dark mode in Celsius", [].into_iter());
    let check = |text: &str, expected: bool| assert_eq!(source.mentions(text).is_some(), expected);
    check("celsius", true);
    check("DARK_MODE", true);
    check("fahrenheit", false);
    check("mod", false);
    check("", false);
}

#[test]
fn lists_are_found_by_name_and_by_meaning() {
    let check = |text: &str, name: &str, expected: &[&str]| {
        let source = Source::new(text, [name].into_iter());
        assert_eq!(source.list(name), expected, "{name} in {text}");
    };
    check(
        "tags: red, \"dark green\" and blue!",
        "tags",
        &["red", "dark green", "blue"],
    );
    check(
        "Alice and Bob go out on Friday.",
        "participants",
        &["Alice", "Bob"],
    );
    check("one tag: red", "tags", &[]);
    check("nothing", "participants", &[]);
}

#[test]
fn a_preposition_or_a_kind_of_value_suggests_one() {
    let check = |text: &str, name: &str, expected| {
        assert_eq!(
            Source::new(text, [].into_iter()).suggests(name),
            expected,
            "{name} in {text}"
        );
    };
    check("How warm is it in Tokyo?", "location", true);
    check("Tell bob@x.io", "recipient", true);
    check("How warm is it?", "location", false);
    check("In Tokyo", "count", false);
}
