// SPDX-License-Identifier: Apache-2.0
//! Texts, made anew and always the same.

/// Bytes of each text, about.
const SIZE: usize = 1 << 20;

/// Prose, text dense with personal data, and code with secrets.
pub(crate) fn all() -> [(&'static str, String); 3] {
    [("prose", prose()), ("dense", dense()), ("code", code())]
}

/// Numbers that look drawn by chance (Numerical Recipes, "quick and dirty" generator).
struct Draw(u32);

impl Draw {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % most
    }

    fn of<'t>(&mut self, words: &[&'t str]) -> &'t str {
        let most = u32::try_from(words.len()).unwrap_or(1);
        words[self.below(most) as usize]
    }

    fn body(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |_| char::from(LETTERS[self.below(62) as usize]);
        (0..length).map(letter).collect()
    }

    fn digits(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }
}

const WORDS: &[&str] = &[
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "is",
    "you",
    "that",
    "it",
    "he",
    "was",
    "for",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
    "this",
    "have",
    "from",
    "or",
    "one",
    "had",
    "by",
    "word",
    "but",
    "not",
    "what",
    "all",
    "were",
    "we",
    "when",
    "your",
    "can",
    "said",
    "there",
    "use",
    "an",
    "each",
    "which",
    "she",
    "do",
    "how",
    "their",
    "if",
    "will",
    "up",
    "other",
    "about",
    "out",
    "many",
    "then",
    "them",
    "these",
    "so",
    "some",
    "her",
    "would",
    "make",
    "like",
    "him",
    "into",
    "time",
    "has",
    "look",
    "two",
    "more",
    "write",
    "go",
    "see",
    "number",
    "no",
    "way",
    "could",
    "people",
    "my",
    "than",
    "first",
    "water",
    "been",
    "call",
    "who",
    "oil",
    "its",
    "now",
    "understanding",
    "information",
    "government",
    "development",
    "particular",
    "environment",
];

fn prose() -> String {
    let mut draw = Draw(1);
    let mut text = String::new();
    while text.len() < SIZE {
        for _ in 0..8 + draw.below(12) {
            text.push_str(draw.of(WORDS));
            text.push_str(draw.of(&[" ", " ", " ", " ", " ", " ", ", "]));
        }
        text.push_str(draw.of(&["in 1984. ", "about it. ", "of 12 others! ", "again?\n\n"]));
    }
    text
}

fn dense() -> String {
    let mut draw = Draw(2);
    let mut text = String::new();
    while text.len() < SIZE {
        let user = draw.of(WORDS);
        let value = match draw.below(6) {
            0 => format!("{user}.{}@mail.example.com", draw.of(WORDS)),
            1 => format!("+49 30 {}", draw.digits(7)),
            2 => "4111 1111 1111 1111".to_owned(),
            3 => "DE89 3704 0044 0532 0130 00".to_owned(),
            4 => format!("10.{}.7.{}", draw.below(256), draw.below(256)),
            _ => format!("536-{:02}-{:04}", 10 + draw.below(80), 1 + draw.below(9000)),
        };
        let words = [draw.of(WORDS), draw.of(WORDS), draw.of(WORDS)].join(" ");
        text.push_str(&format!("{words} {value}, "));
    }
    text
}

fn code() -> String {
    let mut draw = Draw(3);
    let mut text = String::new();
    while text.len() < SIZE {
        let (a, b) = (draw.of(WORDS), draw.of(WORDS));
        let line = match draw.below(12) {
            0 => format!("export OPENAI_API_KEY=sk-{}-{}\n", "proj", draw.body(48)),
            1 => format!("const {a}Token = \"gh{}_{}\";\n", "p", draw.body(36)),
            2 => format!("    client_secret: '{}',\n", draw.body(32)),
            3 => format!(
                "url = 'postgres://app:{}@db.internal:5432/main'\n",
                draw.body(12)
            ),
            4 => format!(
                "// see https://example.com/{a}/{b}?page={}\n",
                draw.below(100)
            ),
            5 => format!("import {{ {a}, {b} }} from './{a}/{b}.js';\n"),
            6 => format!("if ({a}.length > {} && !{b}[{a}]) {{\n", draw.below(1000)),
            7 => format!(
                "    return {a}.map(({b}) => {b}.id === '{}');\n}}\n",
                draw.body(8)
            ),
            8 => format!(
                "    \"{a}\": {{ \"{b}\": {}.{} }},\n",
                draw.below(99),
                draw.below(99)
            ),
            9 => format!("fn {a}_{b}(&self, {b}: &str) -> Result<{a}, Error> {{\n"),
            10 => format!(
                "    let {a} = self.{b}.get(0x{:08x})?;\n",
                draw.below(u32::MAX)
            ),
            _ => format!("{a}_{b} = os.environ.get('{a}')  # {b} {a}\n"),
        };
        text.push_str(&line);
    }
    text
}
