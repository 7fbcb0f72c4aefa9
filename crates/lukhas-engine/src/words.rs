// SPDX-License-Identifier: Apache-2.0
//! Words of texts and of identifiers, compared by a light stem.

/// Words that say nothing about what a text is about. Sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at",
    "be", "been", "before", "but", "by", "can", "could", "did", "do", "does", "doing", "each",
    "every", "for", "from", "give", "given", "had", "has", "have", "he", "hello", "help", "her",
    "here", "hi", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "know",
    "let", "like", "ll", "m", "many", "may", "me", "might", "more", "much", "must", "my", "need",
    "no", "not", "now", "of", "off", "ok", "on", "or", "other", "our", "out", "over", "please",
    "re", "s", "shall", "she", "should", "so", "some", "such", "t", "tell", "than", "thank",
    "thanks", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "to", "too", "up", "us", "ve", "very", "want", "was", "we", "were", "what", "when", "where",
    "whether", "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "yes",
    "you", "your",
];

/// The words of `text`, in order: runs of letters and digits.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The words of an identifier such as `get_userName` or `HTTPServer2`, in lower case.
pub(crate) fn identifier_words(name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() {
            let next_is_lower = chars.peek().is_some_and(|next| next.is_lowercase());
            let starts = before.is_none_or(|before: char| {
                c.is_uppercase() && (!before.is_uppercase() || next_is_lower)
            });
            if starts {
                found.push(String::new());
            }
            if let Some(word) = found.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = Some(c).filter(|c| c.is_alphanumeric());
    }
    found
}

/// Whether `word`, in lower case, says nothing about what a text is about.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// `word` in lower case without the endings of English plurals, verbs and agents, in American
/// spelling. Two forms of a word have the same stem; the stem itself need not be a word.
pub(crate) fn stem(word: &str) -> String {
    let mut word = word.to_lowercase();
    if !word.is_ascii() {
        return word;
    }
    strip_plural(&mut word);
    if word.len() > 4 && word.contains("our") {
        word = word.replace("our", "or");
    }
    strip_verb(&mut word);
    if word.len() > 4 && word.ends_with('e') {
        word.pop();
    }
    word
}

fn strip_plural(word: &mut String) {
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if ["sses", "shes", "ches", "xes", "zes"]
        .iter()
        .any(|end| word.ends_with(end))
    {
        word.truncate(word.len() - 2);
    } else if word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
    {
        word.pop();
    }
}

fn strip_verb(word: &mut String) {
    for (end, shortest, kept) in [
        ("ation", 8, 2),
        ("ator", 7, 2),
        ("ing", 6, 0),
        ("ed", 5, 0),
        ("er", 7, 0),
    ] {
        if word.len() >= shortest && word.ends_with(end) && !word.ends_with("eed") {
            word.truncate(word.len() - end.len() + kept);
            undouble(word);
            return;
        }
    }
}

/// `runn` is `run`, but `call` stays.
fn undouble(word: &mut String) {
    if let [.., before, last] = word.as_bytes()
        && before == last
        && !b"lsz".contains(last)
    {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn identifiers_fall_into_words() {
        let check = |name: &str, expected: &[&str]| assert_eq!(identifier_words(name), expected);
        check("get_current_weather", &["get", "current", "weather"]);
        check("getUserName", &["get", "user", "name"]);
        check("HTTPServer2", &["http", "server2"]);
        check("kebab-case.and/slash", &["kebab", "case", "and", "slash"]);
        check("X", &["x"]);
        check("", &[]);
        check("__", &[]);
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        let check = |one: &str, other: &str| assert_eq!(stem(one), stem(other), "{one} {other}");
        check("Cities", "city");
        check("searches", "searching");
        check("calculate", "calculator");
        check("translation", "translate");
        check("running", "runs");
        check("favourite", "favorite");
        check("Colours", "color");
        check("hours", "hour");
        check("booked", "booking");
        check("converter", "convert");
        check("classes", "class");
        assert_ne!(stem("weather"), stem("water"));
        assert_ne!(stem("speed"), stem("spe"));
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let found: Vec<_> = words("What's up, 2day? naïve_x").collect();
        assert_eq!(found, ["What", "s", "up", "2day", "naïve", "x"]);
    }
}
