"""Model files as they are published, as NumPy arrays under the names that transformers gives them. No PyTorch.

A checkpoint is a Hugging Face folder (config.json, safetensors, tokenizer.json) or a GGUF file. Both come out the same, so
that weights.py has one reader a model family.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import ml_dtypes  # noqa: F401 (NumPy then knows bfloat16)
import numpy as np
from gguf import GGUFReader, dequantize
from safetensors import safe_open
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers


class Unsupported(ValueError):
    """A checkpoint of a kind that the exporter cannot write."""


@dataclass
class Checkpoint:
    config: dict  # config.json
    tensors: dict[str, np.ndarray]  # float32
    tokenizer: Tokenizer  # without added tokens: no text can become one of them
    extra: dict[str, dict] = field(default_factory=dict)  # further JSON files, by path


def plain_tokenizer(spec: dict) -> Tokenizer:
    """A tokenizer.json without added tokens, truncation and padding. A template keeps its own ids of [CLS], [SEP] or an end."""
    return Tokenizer.from_str(json.dumps({**spec, "added_tokens": [], "truncation": None, "padding": None}))


def without_space(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer of a backbone: it puts no space and no token of its own before a text. The space is the caller's."""
    spec = json.loads(tokenizer.to_str())
    spec["post_processor"] = None
    normalizer = spec["normalizer"] or {}
    if normalizer.get("type") == "Prepend":
        spec["normalizer"] = None
    elif normalizer.get("type") == "Sequence":
        normalizer["normalizers"] = [n for n in normalizer["normalizers"] if n["type"] != "Prepend"]
    before = spec["pre_tokenizer"] or {}
    for step in before.get("pretokenizers", [before]):
        if step.get("type") == "Metaspace":
            step["prepend_scheme"] = "never"
        if step.get("type") == "ByteLevel":
            step["add_prefix_space"] = False
    return Tokenizer.from_str(json.dumps(spec))


# ------------------------------------------------------------------------------------------------------ Hugging Face folder

EXTRA = ("generation_config.json", "1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json")


def read_folder(folder: Path) -> Checkpoint:
    """config.json, one or more safetensors files, tokenizer.json, and what sentence-transformers keeps beside them."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise Unsupported(f"{folder}: no safetensors files")
    tensors: dict[str, np.ndarray] = {}
    for file in weights:
        with safe_open(file, "np") as f:
            tensors.update({name: f.get_tensor(name).astype(np.float32) for name in f.keys()})  # noqa: SIM118 (no dict)
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in EXTRA if (folder / name).exists()}
    return Checkpoint(
        config=json.loads((folder / "config.json").read_text(encoding="utf-8")),
        tensors=tensors,
        tokenizer=plain_tokenizer(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))),
        extra={name: json.loads(text) for name, text in texts.items()},
    )


# -------------------------------------------------------------------------------------------------------------------- GGUF

_LAYER = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {"token_embd": "embed_tokens", "output_norm": "norm", "output": "lm_head"}

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLITS = {"qwen2": r"\p{N}", "llama-bpe": r"\p{N}{1,3}"}


def read_gguf(file: Path) -> Checkpoint:
    """A decoder of the Llama, Qwen2 or Qwen3 family in any of GGUF's quantisations, to float32."""
    reader = GGUFReader(file)
    meta = {k: f.contents() for k, f in reader.fields.items()}
    arch = meta["general.architecture"]
    get = lambda key, default=None: meta.get(f"{arch}.{key}", default)  # noqa: E731
    heads, kv = int(get("attention.head_count")), int(get("attention.head_count_kv"))
    tensors = {}
    for t in reader.tensors:
        w = np.array(dequantize(t.data, t.tensor_type), dtype=np.float32).reshape(*[int(d) for d in reversed(t.shape)])
        name = gguf_name(t.name)
        if arch == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            w = unpermute(w, heads if "q_proj" in name else kv)
        if name != "rope_freqs.weight":
            tensors[name] = w
        else:
            raise Unsupported(f"{file}: scaled rotary frequencies are not supported")
    hidden = int(get("embedding_length"))
    config = {
        "model_type": arch,
        "hidden_size": hidden,
        "num_hidden_layers": int(get("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "head_dim": int(get("attention.key_length", hidden // heads)),
        "rope_theta": float(get("rope.freq_base", 10000.0)),
        "rms_norm_eps": float(get("attention.layer_norm_rms_epsilon")),
        "eos_token_id": int(meta["tokenizer.ggml.eos_token_id"]),
    }
    if meta["tokenizer.ggml.model"] != "gpt2":
        raise Unsupported(f"{file}: a tokenizer of kind {meta['tokenizer.ggml.model']}; only byte-level BPE is read from GGUF")
    return Checkpoint(config, tensors, byte_bpe(meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.merges"], meta["tokenizer.ggml.pre"]))


def gguf_name(name: str) -> str:
    """`blk.3.attn_q.bias` → `layers.3.self_attn.q_proj.bias`."""
    head, _, kind = name.rpartition(".")
    if head.startswith("blk."):
        _, layer, part = head.split(".")
        return f"layers.{layer}.{_LAYER[part]}.{kind}"
    return f"{_TOP.get(head, head)}.{kind}"


def unpermute(w: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's interleaving of rotary pairs: its rows of a head are (0, d/2, 1, d/2+1, …), ours are halves."""
    rows, cols = w.shape
    return w.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def byte_bpe(tokens: Iterable[str], merges: Iterable[str], pre: str) -> Tokenizer:
    """A byte-level BPE of GGUF's lists. Control tokens stay in the vocabulary, but no text merges into one of them."""
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in merges]))
    if pre == "smollm":
        split = pre_tokenizers.Digits(individual_digits=True)
    elif pre in _SPLITS:
        split = pre_tokenizers.Split(Regex(_WORDS % _SPLITS[pre]), "isolated")
    else:
        raise Unsupported(f"a GGUF whose text is split as `{pre}`; a folder with tokenizer.json is read whatever it is")
    tok.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre == "smollm")])
    tok.decoder = decoders.ByteLevel()
    return tok
