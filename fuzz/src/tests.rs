// SPDX-License-Identifier: Apache-2.0
use std::path::{Path, PathBuf};

use super::pieces::pieces;
use super::*;

/// Inputs that a target begins with.
fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn every_law_holds_for_its_seeds_and_for_all_that_they_begin_with() {
    for (target, law) in LAWS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 2, "{target}");
        for seed in seeds {
            let input = std::fs::read(seed).unwrap();
            for end in 0..=input.len() {
                law(&input[..end]);
            }
        }
    }
}

#[test]
fn every_law_has_a_target() {
    for (target, _) in LAWS {
        let source = format!("{}/targets/{target}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(source).unwrap();
        assert!(
            source.contains(&format!("lukhas_fuzz::{target}(input)")),
            "{target}"
        );
    }
}

#[test]
fn pieces_are_the_whole() {
    for seed in 0..=255 {
        let input: Vec<u8> = (0..200).map(|n: u8| n ^ seed).collect();
        let (pieces, whole) = pieces(&input);
        assert_eq!(pieces.concat(), whole);
        assert!(pieces.len() > 11);
    }
}
