"""The server of llama.cpp with a tiny model that is made here.

The model is a real one, of the llama architecture, and knows what follows each of its words: its
attention adds nothing, its output matrix is that list. It counts to ten and stops; asked to go on,
it does not stop. Tests can hold its answers to the word.

Prints its address, asks for the key in UPSTREAM_KEY, and ends at SIGTERM.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np
import xllamacpp
from gguf import GGUFWriter, TokenType

WORDS = "one two three four five six seven eight nine ten".split()

# Tokens and what follows each, where it matters.
UNKNOWN, BEGIN, END, SAID, COUNT, GO_ON = range(6)
BYTES = 6
FIRST = BYTES + 256
ON = FIRST + len(WORDS)

# The last token of a prompt decides what is answered.
TEMPLATE = (
    "{% for message in messages %}<said>{{ message.content }}{% endfor %}"
    "{% if 'go on' in messages[-1].content %}<go on>{% else %}<count>{% endif %}"
)

WIDTH = 64
CONTEXT = 1 << 16
# Far beyond what a temperature evens out.
CERTAIN = 100


def vocabulary():
    """Texts and kinds of the tokens."""
    yield "<unknown>", TokenType.UNKNOWN
    for control in ("<begin>", "<end>", "<said>", "<count>", "<go on>"):
        yield control, TokenType.CONTROL
    for byte in range(256):
        yield f"<0x{byte:02X}>", TokenType.BYTE
    yield WORDS[0], TokenType.NORMAL
    for word in [*WORDS[1:], "on"]:
        # The tokenizer's sign for a space.
        yield f"\u2581{word}", TokenType.NORMAL


def followers():
    """Pairs of tokens: one, and what follows it."""
    counted = [COUNT, *range(FIRST, ON), END]
    yield from zip(counted, counted[1:])
    yield from [(GO_ON, ON), (ON, ON)]


def write_model(path):
    tokens, kinds = zip(*vocabulary(), strict=True)
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_chat_template(TEMPLATE)
    read = np.zeros((len(tokens), WIDTH), np.float32)
    written = np.zeros((len(tokens), WIDTH), np.float32)
    for place, (token, follower) in enumerate(followers()):
        read[token, place] = 1
        written[follower, place] = CERTAIN
    nothing, one = np.zeros((WIDTH, WIDTH), np.float32), np.ones(WIDTH, np.float32)
    tensors = {"token_embd": read, "output": written, "output_norm": one}
    for name in ("attn_norm", "ffn_norm"):
        tensors[f"blk.0.{name}"] = one
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        tensors[f"blk.0.{name}"] = nothing
    for name, tensor in tensors.items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    # Before the first byte of output: whoever reads that may signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    params = xllamacpp.CommonParams()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "tiny.gguf")
        write_model(model)
        params.model.path = str(model)
        params.api_keys = [os.environ["UPSTREAM_KEY"]]
        params.n_ctx = CONTEXT
        # One place: a request that nobody reads any more would keep it from the next.
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.warmup = False
        server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


main()
