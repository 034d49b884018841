"""Builds the tokenizer: CLIP's byte-level byte-pair encoding over a short word list.

Each word of the list is one token; any other text falls back to smaller pieces, down to single bytes.
usage: tokens.py FOLDER
"""
import json, pathlib, sys

import scenes


def byte_alphabet():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in chars:
            chars[b] = chr(256 + extra)
            extra += 1
    return [chars[b] for b in range(256)]


def encode(word, merges):
    parts, rank = list(word[:-1]) + [word[-1] + "</w>"], {pair: i for i, pair in enumerate(merges)}
    while True:
        best = min(zip(parts, parts[1:]), key=lambda pair: rank.get(pair, len(rank)), default=None)
        if best not in rank:
            return parts
        i = 0
        while i + 1 < len(parts):
            if (parts[i], parts[i + 1]) == best:
                parts[i:i + 2] = [parts[i] + parts[i + 1]]
            i += 1


def build(folder):
    """Writes tokenizer.json and tokenizer_config.json, and returns the tokenizer."""
    from transformers import CLIPTokenizer
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    alphabet = byte_alphabet()
    vocab, merges = alphabet + [c + "</w>" for c in alphabet], []
    for word in scenes.WORDS:
        # Encoding with the merges so far and joining what is left keeps every earlier word whole.
        parts = encode(word, merges)
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            vocab.append(parts[0] + parts[1])
            parts = encode(word, merges)
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(vocab)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)) + "\n")
    special = dict(bos_token="<|startoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>",
                   pad_token="<|endoftext|>")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(dict(tokenizer_class="CLIPTokenizer", model_max_length=77, do_lower_case=True, **special)))
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):  # tokenizer.json holds both
        (folder / name).unlink(missing_ok=True)
    # A word must come out as one token, else the order of the merges is wrong.
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    for word in scenes.WORDS:
        assert len(tokenizer(word).input_ids) == 3, (word, tokenizer.tokenize(word))
    return tokenizer


if __name__ == "__main__":
    tokenizer = build(sys.argv[1])
    print(len(tokenizer), "tokens;", tokenizer.tokenize("A red circle, on a Blue zebra background."))
