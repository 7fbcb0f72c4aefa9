// SPDX-License-Identifier: Apache-2.0
use std::error::Error;
use std::fs;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::KeySet;

const TOKEN: &str = "a-token-of-an-operator";

fn parse(content: &[u8]) -> Result<Vec<KeyEntry>, KeyError> {
    parse_key_file(Path::new("keys.txt"), content)
}

/// The error and its causes, as people see them.
fn told(error: &KeyError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn a_line_is_a_token_and_perhaps_a_name() {
    let own = crate::GeneratedKey::generate(&mut StdRng::seed_from_u64(1));
    let own_id = own.id.to_string();
    let own = own.secret.expose();
    let content = format!(
        "\u{feff}# keys of the test\n\n   \t\n{TOKEN}1\n  {TOKEN}2\tbilling  \r\n\
         {TOKEN}3 # no name\n{own}\n{TOKEN}#4 search # named\n#{TOKEN}5"
    );
    let entries = parse(content.as_bytes()).unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.token.expose().as_str(),
                entry.public_id.as_deref(),
                &*entry.origin,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (format!("{TOKEN}1").as_str(), None, "`keys.txt` line 4"),
            (&format!("{TOKEN}2"), Some("billing"), "`keys.txt` line 5"),
            (&format!("{TOKEN}3"), None, "`keys.txt` line 6"),
            (own, Some(own_id.as_str()), "`keys.txt` line 7"),
            (&format!("{TOKEN}#4"), Some("search"), "`keys.txt` line 8"),
        ]
    );
}

#[test]
fn a_file_without_keys_is_an_empty_list() {
    for content in ["", "\n\n", "# nothing", "\u{feff}"] {
        assert!(parse(content.as_bytes()).unwrap().is_empty());
    }
}

#[test]
fn errors_carry_the_line_and_never_the_token() {
    let mistyped = ["lk", "live", "abcdefgh", TOKEN].join("_");
    for (line, fault) in [
        (
            "secret-part",
            "it has 11 characters, and a key needs at least 16",
        ),
        (
            &"secret-part".repeat(100),
            "it has 1100 characters, and a key has at most 1024",
        ),
        (
            &mistyped,
            "it begins with `lk_live_` but its form or checksum is wrong: look for a typing error",
        ),
        (
            "a-token-öf-secret-part",
            "it holds a space, a control character or one outside ASCII",
        ),
        (
            &format!("{TOKEN} secret-part-as-name"),
            "its name is not 1 to 15 letters, digits, `_`, `.` or `-`",
        ),
        (
            &format!("{TOKEN} a secret-part"),
            "its line holds more than a key and a name",
        ),
    ] {
        let error = parse(format!("# first\n{line}\n{TOKEN}").as_bytes()).unwrap_err();
        let text = told(&error);
        assert_eq!(
            text,
            format!("the key from `keys.txt` line 2 cannot be used: {fault}")
        );
        let debug = format!("{error:?}");
        assert!(
            !debug.contains(TOKEN) && !debug.contains("secret-part"),
            "{debug}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    for line in [
        &b"\xFF\xFEa-token-of-an-operator"[..],
        b"a-token-of-an-operator n\xFFme",
    ] {
        assert!(matches!(parse(line), Err(KeyError::Unusable { .. })));
    }
}

#[test]
fn the_same_key_on_two_lines_names_both() {
    let entries = parse(format!("{TOKEN}\n\n{TOKEN} twice").as_bytes()).unwrap();
    let error = KeySet::new(&mut StdRng::seed_from_u64(1), entries).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`keys.txt` line 1 and `keys.txt` line 3 hold the same key"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_open_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.txt");
    fs::write(&path, TOKEN).unwrap();
    for (mode, good) in [
        (0o600, true),
        (0o400, true),
        (0o700, true),
        (0o644, false),
        (0o640, false),
        (0o604, false),
        (0o620, false),
        (0o601, false),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let path_text = path.display();
        match read_key_file(&path) {
            Ok(entries) => assert!(good && entries.len() == 1, "{mode:o}"),
            Err(error) => {
                assert!(!good, "{mode:o}");
                assert_eq!(
                    told(&error),
                    format!(
                        "the key file `{path_text}` is open to others than its owner \
                         (mode {mode:03o}): run `chmod 600 {path_text}`"
                    )
                );
            }
        }
    }
}

#[test]
fn what_is_no_key_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.txt");
    let error = read_key_file(&missing).unwrap_err();
    let expected = format!("the key file `{}` cannot be read", missing.display());
    assert_eq!(error.to_string(), expected);
    assert!(read_key_file(folder.path()).is_err());

    let large = folder.path().join("large.txt");
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(&large)
        .unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(
        read_key_file(&large),
        Err(KeyError::TooLarge { .. })
    ));
}
