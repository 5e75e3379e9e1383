"""A Whisper model of the smallest size for the tests: loaded, fed and asked as a real one, and it says nonsense.

Its shape and its vocabulary are those of the multilingual models, because the library tells them by that; its weights
are random, and always the same. Belongs here: making its files. Needs the extra `transcription`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTH, HEADS, BANDS = 16, 2, 80
"""Of its layers; and of what it hears."""
HEARD, SAID = 1500, 448
"""Steps of thirty seconds of sound; tokens of an answer."""
PLAIN = 50257
"""Tokens of text, before those that steer."""
TIMES = 1501
LANGUAGES = 99


def make(folder: Path) -> Path:
    """Write the model into `folder`."""
    numpy, specs = (importlib.import_module(name) for name in ("numpy", "ctranslate2.specs"))
    tokens = list(_vocabulary())
    spec = specs.WhisperSpec(1, HEADS, 1, HEADS)
    _Weights(numpy).fill(spec, len(tokens))
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in ("de", "en")]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    return folder


class _Weights:
    """Random, the same at each run."""

    def __init__(self, numpy: Any) -> None:
        self._numpy, self._random = numpy, numpy.random.default_rng(21)

    def fill(self, spec: Any, tokens: int) -> None:
        encoder, decoder = spec.encoder, spec.decoder
        encoder.conv1.weight, encoder.conv1.bias = self._of(WIDTH, BANDS, 3), self._of(WIDTH)
        encoder.conv2.weight, encoder.conv2.bias = self._of(WIDTH, WIDTH, 3), self._of(WIDTH)
        encoder.position_encodings.encodings = self._of(HEARD, WIDTH)
        decoder.position_encodings.encodings = self._of(SAID, WIDTH)
        decoder.embeddings.weight = self._of(tokens, WIDTH)
        decoder.projection.weight = self._of(tokens, WIDTH)
        for part in (encoder, decoder):
            self._norm(part.layer_norm)
            for layer in part.layer:
                self._layer(layer)

    def _layer(self, layer: Any) -> None:
        self._norm(layer.self_attention.layer_norm)
        self._linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        self._linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        if hasattr(layer, "attention"):  # of the decoder, to what was heard
            self._norm(layer.attention.layer_norm)
            for part, size in zip(layer.attention.linear, (WIDTH, 2 * WIDTH, WIDTH), strict=True):
                self._linear(part, size, WIDTH)
        self._norm(layer.ffn.layer_norm)
        self._linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        self._linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)

    def _norm(self, norm: Any) -> None:
        norm.gamma, norm.beta = self._numpy.ones(WIDTH, dtype="float32"), self._of(WIDTH)

    def _linear(self, linear: Any, out: int, into: int) -> None:
        linear.weight, linear.bias = self._of(out, into), self._of(out)

    def _of(self, *shape: int) -> Any:
        return self._random.normal(0.0, 0.5, shape).astype("float32")


def _vocabulary() -> Iterator[str]:
    """Every byte, words, and what steers, in the order of the multilingual models."""
    letters = list(_letters())
    yield from letters
    for number in range(PLAIN - len(letters) - 1):
        yield f"Ġwort{number}"
    yield ""  # by which the library tells a multilingual model
    yield from ("<|endoftext|>", "<|startoftranscript|>", "<|de|>", "<|en|>")
    for number in range(LANGUAGES - 2):
        yield f"<|language{number}|>"
    yield from ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>")
    yield "<|notimestamps|>"
    for number in range(TIMES):
        yield f"<|{number * 0.02:.2f}|>"


def _letters() -> list[str]:
    return sorted(importlib.import_module("tokenizers").pre_tokenizers.ByteLevel.alphabet())


def _tokenizer(tokens: list[str]) -> Any:
    library = importlib.import_module("tokenizers")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    made = library.Tokenizer(library.models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = library.decoders.ByteLevel()
    return made
