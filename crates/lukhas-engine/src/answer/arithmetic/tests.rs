// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = find(text).map(|calculation| calculation.sentence());
    assert_eq!(found.as_deref(), Some(expected), "{text}");
}

#[track_caller]
fn check_none(text: &str) {
    assert_eq!(find(text), None, "{text}");
}

#[test]
fn questions_are_answered_exactly() {
    check("What is 2+2?", "2+2 = 4");
    check("what's 17 * (3 - 1) / 4", "17 * (3 - 1) / 4 = 8.5");
    check("Calculate 12.5 - 0.25 please.", "12.5 - 0.25 = 12.25");
    check("2+2", "2+2 = 4");
    check("2 + 2 =", "2 + 2 = 4");
    check("Hi! How much is 1,000 x 3?", "1,000 x 3 = 3000");
    check("What is 0.1 + 0.2?", "0.1 + 0.2 = 0.3");
    check("compute -3 * -(4 + 1)", "-3 * -(4 + 1) = 15");
    check("What is 10 ÷ 4 − 1 × 2?", "10 ÷ 4 − 1 × 2 = 0.5");
    check(
        "what is 10 divided by 3",
        "10 divided by 3 = 10/3, about 3.333333333333",
    );
}

#[test]
fn words_are_numbers_and_operators() {
    check("What is two plus two?", "two plus two = 4");
    check(
        "What is twenty-one times three?",
        "twenty-one times three = 63",
    );
    check(
        "Two hundred five thousand minus ten",
        "Two hundred five thousand minus ten = 204990",
    );
    check("what is 6 multiplied by 7", "6 multiplied by 7 = 42");
    check("2 to the power of 10", "2 to the power of 10 = 1024");
    check("What is 7 squared?", "7 squared = 49");
}

#[test]
fn percents_and_remainders_are_told_apart() {
    check("What is 20% of 80?", "20% of 80 = 16");
    check("what is 12 percent of 50", "12 percent of 50 = 6");
    check("17 % 5", "17 % 5 = 2");
    check("200 * 5%", "200 * 5% = 10");
}

#[test]
fn powers_bind_to_the_right_and_before_signs() {
    check("2^3^2", "2^3^2 = 512");
    check("-2 ** 2", "-2 ** 2 = -4");
    check("2^-2", "2^-2 = 0.25");
    check("2^200", "2^200 = about 1.606938044259e60");
    check("2^0.5", "2^0.5 = about 1.414213562373e0");
}

#[test]
fn what_has_no_value_is_said_so() {
    check("What is 1/0?", "1/0 has no value: it divides by zero.");
    check("0^-1", "0^-1 has no value: it divides by zero.");
    check("5 % 0", "5 % 0 has no value: it divides by zero.");
    check(
        "(-8)^0.5",
        "(-8)^0.5 has no value that can be written down as a number.",
    );
    check(
        "10^999999",
        "10^999999 has no value that can be written down as a number.",
    );
}

#[test]
fn other_texts_are_not_arithmetic() {
    for text in [
        "hello",
        "",
        "42",
        "-5",
        "5%",
        "2024-01-31",
        "What happened on 12/25/2024?",
        "Call 555-1234",
        "555-1234",
        "Alice has 3 + 4 apples",
        "What is the weather in 2-3 days?",
        "(2+2",
        "2+",
        "c++ 17",
        "()",
    ] {
        check_none(text);
    }
    check_none(&"1+".repeat(1000));
    check_none(&format!("{}1{}", "(".repeat(400), ")".repeat(400)));
}

proptest! {
    #[test]
    fn integer_arithmetic_is_exact(a in -1000_i64..1000, b in -1000_i64..1000, c in 1_i64..1000) {
        let text = format!("({a}) + ({b}) * {c}");
        check(&text, &format!("{text} = {}", a + b * c));
    }

    #[test]
    fn no_text_panics(text in "[-+*/^%()x0-9. ]{0,40}|\\PC{0,40}") {
        let _ = find(&text);
    }
}
