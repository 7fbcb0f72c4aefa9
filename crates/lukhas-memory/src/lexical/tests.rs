// SPDX-License-Identifier: Apache-2.0
use std::task::{Context, Poll, Waker};

use lukhas_core::{
    EmbedInput, Entropy, Id, Principal, RunErrorKind, TokenizerError, VectorEncoding,
};
use proptest::prelude::*;

use super::*;

/// A byte is a token.
struct Bytes;

impl Tokenizer for Bytes {
    fn name(&self) -> &'static str {
        "bytes"
    }

    fn count(&self, text: &str) -> usize {
        text.len()
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        &text[..text.floor_char_boundary(tokens)]
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let byte =
            |token: &u32| u8::try_from(*token).map_err(|_| TokenizerError::UnknownToken(*token));
        let bytes = tokens.iter().map(byte).collect::<Result<_, _>>()?;
        String::from_utf8(bytes).map_err(|_| TokenizerError::NotUtf8)
    }
}

impl Entropy for Bytes {
    fn bits(&self) -> u128 {
        0
    }
}

async fn ask(input: EmbedInput, dimensions: Option<u32>) -> Result<Embedded, RunError> {
    let cx = RunCx {
        run_id: Id::new("run_", &Bytes),
        principal: Arc::new(Principal::new("k", "t")),
        entropy: Arc::new(Bytes),
        steps: false,
        trace: None,
        abandoned: None,
    };
    let embedder = LexicalHash::new(Arc::new(Bytes));
    let request = EmbedRequest {
        model: embedder.models()[0].id.clone(),
        input,
        dimensions,
        encoding: VectorEncoding::Floats,
        end_user: None,
    };
    embedder.embed(&cx, request).await
}

/// The vectors of `texts`, and how often making them paused.
fn embed_counting(texts: &[String], dimensions: usize) -> (Vec<Vec<f32>>, usize) {
    let mut future = std::pin::pin!(embed(texts, dimensions));
    let mut cx = Context::from_waker(Waker::noop());
    let mut pauses = 0;
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(vectors) => return (vectors, pauses),
            Poll::Pending => pauses += 1,
        }
    }
}

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    embed_counting(&[text.to_owned()], dimensions).0.remove(0)
}

fn cosine(a: &str, b: &str) -> f32 {
    let (a, b) = (vector(a, DIMENSIONS), vector(b, DIMENSIONS));
    a.iter().zip(&b).map(|(a, b)| a * b).sum()
}

/// The first four places that are not zero, with the exact bits of their values.
fn golden(text: &str, dimensions: usize) -> Vec<(usize, u32)> {
    let vector = vector(text, dimensions).into_iter().enumerate();
    let set = vector.filter(|&(_, value)| value != 0.0);
    set.map(|(place, value)| (place, value.to_bits()))
        .take(4)
        .collect()
}

/// A digest of all bits of a vector (FNV-1a).
fn digest(text: &str, dimensions: usize) -> u64 {
    let bytes = vector(text, dimensions)
        .into_iter()
        .flat_map(f32::to_le_bytes);
    bytes.fold(0xCBF2_9CE4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

/// These vectors are stored in indexes: what changes them must change the embedder's name.
#[test]
fn vectors_never_change() {
    #[track_caller]
    fn check(text: &str, dimensions: usize, all: u64, first: &[(usize, u32)]) {
        assert_eq!(golden(text, dimensions), first, "{text:?} {dimensions}");
        let digest = digest(text, dimensions);
        assert_eq!(digest, all, "{digest:#X} {text:?} {dimensions}");
    }
    check("a", 1024, 0xF0F7_9697_628C_F2F8, &[(730, 0x3F80_0000)]);
    check(
        "Hello, world",
        1024,
        0x2C2B_D4B2_1CA8_A3E6,
        &[
            (18, 0x3E28_9809),
            (20, 0xBE28_9809),
            (27, 0x3E28_9809),
            (29, 0x3E28_9809),
        ],
    );
    check(
        "Hello, world",
        256,
        0xA273_FA90_1710_D7F1,
        &[
            (4, 0x3E28_9809),
            (5, 0xBE28_9809),
            (6, 0x3E28_9809),
            (7, 0x3E28_9809),
        ],
    );
    check(
        "the quick brown fox jumps over the lazy dog; the dog sleeps",
        1536,
        0xBF93_F611_39AC_B03B,
        &[
            (1, 0xBE30_6479),
            (17, 0xBD8D_1D25),
            (21, 0x3D8D_1D25),
            (22, 0xBD8D_1D25),
        ],
    );
    check(
        "Crème brûlée für 2 €",
        1024,
        0x4ADA_A9A4_5A27_816B,
        &[
            (42, 0xBDFE_E1DB),
            (78, 0xBD9F_4D33),
            (116, 0xBDFE_E1DB),
            (127, 0xBDFE_E1DB),
        ],
    );
    check(
        "東京タワーは赤い",
        1024,
        0xA1F0_0351_E58F_7624,
        &[
            (71, 0xBE1E_5C43),
            (95, 0x3E1E_5C43),
            (138, 0xBEC5_F360),
            (175, 0x3DC5_F360),
        ],
    );
    check("👍", 3072, 0x8294_5E38_C3F5_2E88, &[(1389, 0x3F80_0000)]);
    let long: String = (0..9_000)
        .map(|number| format!("n{} ", number % 1_234))
        .collect();
    check(
        &long,
        1024,
        0xC90B_9196_D6FC_7F4B,
        &[
            (0, 0xBBD9_933B),
            (1, 0x3C70_4A37),
            (2, 0x3BE8_3F42),
            (3, 0x3B8B_B044),
        ],
    );
}

#[test]
fn what_is_written_alike_is_near_and_the_rest_is_not() {
    #[track_caller]
    fn check(text: &str, alike: &str, other: &str) {
        let (near, far) = (cosine(text, alike), cosine(text, other));
        assert!(near > 0.25 && far < 0.1, "{near} and {far} for {text:?}");
    }
    check(
        "how do I reset my password",
        "How do I reset my pasword?",
        "opening hours of the museum",
    );
    check(
        "invoice number 48213 is overdue",
        "overdue: invoice 48213",
        "the cat sleeps on the sofa",
    );
    check(
        "the parcel was delivered yesterday",
        "the parcels were deliverd yesterday",
        "a theory of harmonic functions",
    );
    check(
        "getUserName returns null",
        "get_user_name returned null",
        "tomato soup with basil",
    );
    check(
        "error E0502 cannot borrow as mutable",
        "cannot borrow `x` as mutable (E0502)",
        "the train leaves at noon",
    );
    check(
        "Kubernetes ingress timeout",
        "kuberntes ingres time-out",
        "history of the roman empire",
    );
    check(
        "производительность базы данных",
        "производительность баз данных",
        "рецепт яблочного пирога",
    );
    check(
        "東京タワーの高さは333メートル",
        "東京タワーは何メートルですか",
        "昨日は雨が降りました",
    );
}

#[test]
fn meaning_is_not_known() {
    assert!(cosine("car", "automobile") < 0.1);
    assert!(cosine("the dog", "der Hund") < 0.1);
}

#[test]
fn spellings_of_the_same_have_the_same_vector() {
    for (a, b) in [
        ("Crème brûlée", "creme BRULEE"),
        ("Die Straße ist gesperrt", "die strasse, ist gesperrt!"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("one\r\ntwo", "  one two  "),
    ] {
        assert_eq!(vector(a, DIMENSIONS), vector(b, DIMENSIONS), "{a:?}");
    }
}

#[test]
fn order_repetition_and_word_limits_count_a_little() {
    let near = |a, b| (0.7..0.99).contains(&cosine(a, b));
    assert!(near("dog bites man", "man bites dog"));
    assert!(near("no pain no gain", "pain no gain"));
    assert!(near("very very very very good", "very good"));
}

#[test]
fn texts_without_content_are_all_zero() {
    for text in [
        "",
        " ",
        "\n\t",
        "...!?",
        "\0",
        "\u{FEFF}\u{200B}",
        "\u{301}",
        "---",
    ] {
        for dimensions in [1, DIMENSIONS] {
            assert_eq!(vector(text, dimensions), vec![0.0; dimensions], "{text:?}");
        }
    }
}

#[tokio::test]
async fn dimensions_out_of_bounds_are_refused() {
    let text = || EmbedInput::Texts(vec!["text".to_owned()]);
    for dimensions in [0, 3073, u32::MAX] {
        let error = ask(text(), Some(dimensions)).await.unwrap_err();
        assert_eq!(error.kind, RunErrorKind::InvalidRequest);
        assert_eq!(error.param.as_deref(), Some("dimensions"));
    }
    for (asked, dimensions) in [(None, 1024), (Some(1), 1), (Some(3072), 3072)] {
        let embedded = ask(text(), asked).await.unwrap();
        assert_eq!(
            embedded.vectors,
            [Vector::Floats(vector("text", dimensions))]
        );
    }
}

#[tokio::test]
async fn tokens_are_the_text_they_stand_for_and_are_counted() {
    let tokens = EmbedInput::Tokens(vec![b"two".map(u32::from).to_vec(), vec![97]]);
    let embedded = ask(tokens, Some(8)).await.unwrap();
    let expected = ["two", "a"].map(|text| Vector::Floats(vector(text, 8)));
    assert_eq!(embedded.vectors, expected);
    assert_eq!(embedded.usage.input_tokens, 4);
    // Counted on another thread, for its length.
    let long = EmbedInput::Texts(vec!["word ".repeat(10_000)]);
    assert_eq!(ask(long, Some(8)).await.unwrap().usage.input_tokens, 50_000);
}

#[tokio::test]
async fn tokens_that_are_no_text_are_named() {
    let error = ask(EmbedInput::Tokens(vec![vec![97], vec![256]]), None).await;
    let error = error.unwrap_err();
    assert_eq!(error.param.as_deref(), Some("input[1]"));
    assert!(error.message.contains("`256` is not a token"), "{error}");
}

#[test]
fn it_states_what_it_is() {
    let embedder = LexicalHash::new(Arc::new(Bytes));
    let [model] = embedder.models() else {
        panic!("{:?}", embedder.models());
    };
    assert_eq!(model.id, "lukhas-lexical-hash-1024");
    assert!(model.description.contains("Lexical") && model.description.contains("no meaning"));
}

#[test]
fn a_batch_has_the_vectors_of_its_texts_in_order() {
    let texts = ["one", "", "two", "one", "three three"].map(str::to_owned);
    let (batch, _) = embed_counting(&texts, 256);
    let single: Vec<Vec<f32>> = texts.iter().map(|text| vector(text, 256)).collect();
    assert_eq!(batch, single);
    assert!(embed_counting(&[], 256).0.is_empty());
}

/// A pause for every 16 KiB read or so, and for every 16 short texts.
#[test]
fn long_work_pauses() {
    let (_, pauses) = embed_counting(&["short".to_owned()], DIMENSIONS);
    assert_eq!(pauses, 0);
    let distinct = (0..40_000)
        .map(|number| format!("w{number} "))
        .collect::<String>();
    for long in [
        "word ".repeat(50_000),
        "x".repeat(250_000),
        "é".repeat(125_000),
        distinct,
    ] {
        let (_, pauses) = embed_counting(&[long], DIMENSIONS);
        assert!((7..100).contains(&pauses), "{pauses}");
    }
    let (_, pauses) = embed_counting(&vec!["short".to_owned(); 1_000], DIMENSIONS);
    assert!((60..70).contains(&pauses), "{pauses}");
}

#[tokio::test]
async fn other_tasks_run_between_pauses() {
    let texts = vec!["word ".repeat(50_000)];
    let mut ticks = 0;
    let others = async {
        loop {
            ticks += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        vectors = embed(&texts, DIMENSIONS) => assert_eq!(vectors.len(), 1),
        () = others => unreachable!("it has no end"),
    }
    assert!(ticks >= 7, "{ticks}");
}

proptest! {
    #[test]
    fn vectors_have_unit_length_or_are_zero(text: String, dimensions in 1..=MAX_DIMENSIONS) {
        let vector = vector(&text, dimensions);
        prop_assert_eq!(vector.len(), dimensions);
        let squares: f64 = vector.iter().map(|&value| f64::from(value).powi(2)).sum();
        let has_content = text.chars().any(char::is_alphanumeric);
        prop_assert!((squares - 1.0).abs() < 1e-5 || (squares == 0.0 && !has_content), "{squares}");
    }

    /// The tables that count features are seeded anew every time, and it does not matter.
    #[test]
    fn the_same_text_has_the_same_bytes(text in "([a-e]{1,4} ){0,40}") {
        prop_assert_eq!(vector(&text, 64), vector(&text, 64));
    }
}
