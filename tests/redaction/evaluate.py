# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of `lukhas redact` on sentences that Presidio's own generator makes.

    python3 -m venv venv
    venv/bin/pip install presidio-evaluator==0.3.2 presidio-analyzer==2.2.366 faker pandas
    venv/bin/python tests/redaction/evaluate.py --lukhas target/release/lukhas

With --presidio, Presidio's recognizers by pattern (no model) read the same sentences beside it.
"""

import argparse
import collections
import json
import os
import random
import subprocess
import time

import numpy
from faker import Faker
from presidio_evaluator.data_generator import PresidioSentenceFaker

# What has a pattern; names, places and dates have none.
ENTITIES = [
    "CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS",
    "PHONE_NUMBER", "US_SSN",
]
# A finding is right if it has the entity and shares this much of both spans.
OVERLAP = 0.9
# What is read to measure speed.
SPEED_BYTES = 20_000_000


def sentences(count, seed):
    random.seed(seed)
    numpy.random.seed(seed)
    Faker.seed(seed)
    generator = PresidioSentenceFaker("en_US", lower_case_ratio=0.0, random_seed=seed)
    for sentence in generator.generate_new_fake_sentences(count):
        spans = [(s.entity_type, s.start_position, s.end_position) for s in sentence.spans]
        yield sentence.full_text, [span for span in spans if span[0] in ENTITIES]


def lukhas(program, texts):
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))
    command = [program, "redact", "--jsonl"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        yield [(f["entity"], f["start"], f["end"]) for f in json.loads(line)["findings"]]


def speed(program, texts):
    """All of the process, its start too: for so much text that it hardly counts."""
    stream = "\n".join(texts).encode() * -(-SPEED_BYTES // sum(map(len, texts)))
    started = os.times()
    subprocess.run([program, "redact"], input=stream, stdout=subprocess.DEVNULL, check=True)
    ended = os.times()
    seconds = ended.children_user + ended.children_system
    seconds -= started.children_user + started.children_system
    print(f"lukhas: {len(stream) / seconds / 1e6:.1f} MB per CPU second")


def presidio(texts):
    from presidio_analyzer import predefined_recognizers as known

    names = ["CreditCard", "Crypto", "Email", "Iban", "Ip", "MacAddress", "Phone", "UsSsn"]
    recognizers = [getattr(known, name + "Recognizer")() for name in names]
    started = time.process_time()
    for text in texts:
        found = [f for r in recognizers for f in r.analyze(text, r.supported_entities, None) or []]
        found.sort(key=lambda f: (-f.score, f.start - f.end))
        kept = []
        for f in found:
            if all(f.end <= k.start or k.end <= f.start for k in kept):
                kept.append(f)
        yield [(f.entity_type, f.start, f.end) for f in kept]
    seconds = time.process_time() - started
    size = sum(len(text.encode()) for text in texts)
    print(f"presidio: {size / seconds / 1e6:.2f} MB per CPU second")


def same(found, wanted):
    shared = min(found[2], wanted[2]) - max(found[1], wanted[1])
    whole = max(found[2], wanted[2]) - min(found[1], wanted[1])
    return found[0] == wanted[0] and shared >= OVERLAP * whole


def report(name, wanted, found):
    right, false, missed = (collections.Counter() for _ in range(3))
    for spans, findings in zip(wanted, found, strict=True):
        findings = [f for f in findings if f[0] in ENTITIES]
        for span in spans:
            match = next((f for f in findings if same(f, span)), None)
            (right if match else missed)[span[0]] += 1
            if match:
                findings.remove(match)
        false.update(f[0] for f in findings)
    print(f"\n| {name} | n | precision | recall | F1 |\n|---|---|---|---|---|")
    for entity in [*ENTITIES, "all"]:
        parts = ENTITIES if entity == "all" else [entity]
        r, f, m = (sum(counts[part] for part in parts) for counts in (right, false, missed))
        if r + f + m:
            precision, recall = r / max(1, r + f), r / max(1, r + m)
            score = 2 * r / (2 * r + f + m)
            print(f"| {entity} | {r + m} | {precision:.3f} | {recall:.3f} | {score:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lukhas", required=True, help="the program")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--presidio", action="store_true")
    arguments = parser.parse_args()
    texts, wanted = zip(*sentences(arguments.count, arguments.seed))
    report("lukhas", wanted, list(lukhas(arguments.lukhas, texts)))
    speed(arguments.lukhas, texts)
    if arguments.presidio:
        report("presidio", wanted, list(presidio(texts)))


if __name__ == "__main__":
    main()
