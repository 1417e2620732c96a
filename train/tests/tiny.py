"""Models of every architecture that a bundle can hold, small and random: python -m train.tests.tiny OUT writes their bundles.

Folders are as transformers writes them (config.json, safetensors, tokenizer.json); NumPy and tokenizers are enough to make
them, so that the Go tests can have them where there is no PyTorch.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from train import retriever_graphs
from train.assemble import Adapter, write_bundle
from train.difference import TOLD
from train.onnxgraph import Precision
from train.parity import TOKEN_TEXTS
from train.settings import Settings
from train.weights import Backbone, DecoderRetriever, Retriever, load_backbone, load_retriever

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CORPUS = [
    "Who directed the film in which the actor played? The first film was shot in Paris in 1987.",
    "Norah Jones was born in Brooklyn, New York. She is a singer, songwriter and actress.",
    'Chasing Pirates ("the song") is by Norah Jones. It was released on 13 October 2009.',
    "Answer: yes no unknown Question: Doc: Thought: Search:",
    "The café in São Paulo was opened by Łukasz in 1987. 東京は日本の首都です。",
]
LOOPS = [
    {"question": "Where was the singer of Chasing Pirates born?", "passages": [[CORPUS[2], CORPUS[0]], [CORPUS[1]]]},
    {"question": "Who opened the café in São Paulo?", "passages": [[CORPUS[4]], [CORPUS[3], CORPUS[2]]]},
]
SETTINGS = Settings(
    think=2, query=3, pieces=6, gate_width=16, decode_width=32, lora_rank=4, lora_alpha=8.0,
    passage_tokens=96, question_tokens=48, max_question_tokens=48, max_positions=1024,
)  # fmt: skip
LIMITS = {
    "hops": 2, "passages": 2, "passage_tokens": 96, "question_tokens": 48, "answer_tokens": 8, "thought_tokens": 8, "subquery_tokens": 8,
}  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- tokenizers


def byte_bpe(size: int = 600, specials: tuple[str, ...] = SPECIALS) -> Tokenizer:
    """A byte-level BPE as Llama, Qwen and SmolLM have it; digits stand alone."""
    tok = Tokenizer(models.BPE())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), split])
    tok.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False)
    tok.train_from_iterator(CORPUS * 3, trainer)
    return tok


def word_pieces(size: int = 300) -> Tokenizer:
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer()
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tok.train_from_iterator(CORPUS * 3, trainer)
    around = [(t, tok.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    return tok


def roberta_pieces() -> Tokenizer:
    tok = byte_bpe(specials=("<s>", "<pad>", "</s>"))
    around = [(t, tok.token_to_id(t)) for t in ("<s>", "</s>")]
    tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=around)
    return tok


# ------------------------------------------------------------------------------------------------------------------ folders


class Random:
    """Random tensors under the names of a checkpoint."""

    def __init__(self, seed: int):
        self.rng, self.tensors = np.random.default_rng(seed), {}

    def matrix(self, name: str, rows: int, columns: int, bias: bool = False) -> None:
        self.tensors[name + ".weight"] = (self.rng.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)
        if bias:
            self.tensors[name + ".bias"] = (0.2 * self.rng.standard_normal(rows)).astype(np.float32)

    def norm(self, name: str, size: int, bias: bool = False) -> None:
        self.tensors[name + ".weight"] = (1 + 0.1 * self.rng.standard_normal(size)).astype(np.float32)
        if bias:
            self.tensors[name + ".bias"] = (0.1 * self.rng.standard_normal(size)).astype(np.float32)


def decoder_folder(
    folder: Path, family: str, *, tied: bool = True, head_dim: int = 16, theta: float = 10000.0, base: str = "model."
) -> Path:
    """A decoder of the Llama, Qwen2 or Qwen3 family; with `base` empty, one without a language model's head."""
    hidden, heads, kv, width, layers = 48, 4, 2, 64, 2
    tok = byte_bpe()
    vocab = tok.get_vocab_size() + 5  # rows for tokens that no tokenizer knows, as the larger ones have them
    r = Random(7)
    r.matrix(base + "embed_tokens", vocab, hidden)
    r.tensors[base + "embed_tokens.weight"] *= 3
    for i in range(layers):
        p, biased = f"{base}layers.{i}.", family == "qwen2"
        for name, n in (("q", heads), ("k", kv), ("v", kv)):
            r.matrix(f"{p}self_attn.{name}_proj", n * head_dim, hidden, biased)
        r.matrix(p + "self_attn.o_proj", hidden, heads * head_dim)
        if family == "qwen3":
            r.norm(p + "self_attn.q_norm", head_dim)
            r.norm(p + "self_attn.k_norm", head_dim)
        r.matrix(p + "mlp.gate_proj", width, hidden)
        r.matrix(p + "mlp.up_proj", width, hidden)
        r.matrix(p + "mlp.down_proj", hidden, width)
        r.norm(p + "input_layernorm", hidden)
        r.norm(p + "post_attention_layernorm", hidden)
    r.norm(base + "norm", hidden)
    if not tied:
        r.matrix("lm_head", vocab, hidden)
    name = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}[family] + ("ForCausalLM" if base else "Model")
    config = {
        "architectures": [name], "model_type": family, "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv, "head_dim": head_dim, "intermediate_size": width,
        "vocab_size": vocab, "rope_theta": theta, "rms_norm_eps": 1e-6, "max_position_embeddings": 1024, "hidden_act": "silu",
        "tie_word_embeddings": tied, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip
    return write_folder(folder, config, r.tensors, tok)


def encoder_folder(folder: Path, family: str, pooling: str, prompts: dict | None = None) -> Path:
    """An encoder of the BERT or RoBERTa family, with the files of sentence-transformers that say how it pools."""
    hidden, width, layers, positions = 32, 64, 2, 130
    tok = word_pieces() if family == "bert" else roberta_pieces()
    r = Random(11)
    for name, rows in (("word", tok.get_vocab_size()), ("position", positions), ("token_type", 2 if family == "bert" else 1)):
        r.matrix(f"embeddings.{name}_embeddings", rows, hidden)
    r.norm("embeddings.LayerNorm", hidden, True)
    for i in range(layers):
        p = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            r.matrix(f"{p}attention.{name}", hidden, hidden, True)
        r.matrix(p + "intermediate.dense", width, hidden, True)
        r.matrix(p + "output.dense", hidden, width, True)
        r.norm(p + "attention.output.LayerNorm", hidden, True)
        r.norm(p + "output.LayerNorm", hidden, True)
    pad = tok.token_to_id("[PAD]" if family == "bert" else "<pad>")
    config = {
        "architectures": [{"bert": "BertModel", "roberta": "RobertaModel", "xlm-roberta": "XLMRobertaModel"}[family]], "model_type": family, "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": 4, "intermediate_size": width, "vocab_size": tok.get_vocab_size(),
        "max_position_embeddings": positions, "type_vocab_size": 2 if family == "bert" else 1, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "pad_token_id": pad,
    }  # fmt: skip
    extra = {
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_cls_token": pooling == "first"},
        "sentence_bert_config.json": {"max_seq_length": 128},
    }
    if prompts:
        extra["config_sentence_transformers.json"] = {"prompts": prompts}
    return write_folder(folder, config, r.tensors, tok, extra)


def decoder_retriever_folder(folder: Path, family: str) -> Path:
    decoder_folder(folder, family, base="")
    extra = {
        "1_Pooling/config.json": {"pooling_mode_lasttoken": True},
        "sentence_bert_config.json": {"max_seq_length": 128},
        "config_sentence_transformers.json": {"prompts": {"query": "Find: ", "document": ""}},
    }
    write_extra(folder, extra)
    return folder


def write_folder(folder: Path, config: dict, tensors: dict, tok: Tokenizer, extra: dict | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tok.save(str(folder / "tokenizer.json"))
    write_extra(folder, extra or {})
    return folder


def write_extra(folder: Path, extra: dict) -> None:
    for name, value in extra.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value))


BACKBONES = {
    "llama": lambda f: decoder_folder(f, "llama", head_dim=16),
    "llama-untied": lambda f: decoder_folder(f, "llama", tied=False, theta=500000.0),
    "qwen2": lambda f: decoder_folder(f, "qwen2", theta=1e6),
    "qwen3": lambda f: decoder_folder(f, "qwen3", head_dim=32, theta=1e6),
}
RETRIEVERS = {
    "bert-mean": lambda f: encoder_folder(f, "bert", "mean"),
    "bert-first": lambda f: encoder_folder(f, "bert", "first", {"query": "query: ", "passage": "passage: "}),
    "roberta": lambda f: encoder_folder(f, "roberta", "mean"),
    "xlm-roberta": lambda f: encoder_folder(f, "xlm-roberta", "first"),
    "llama": lambda f: decoder_retriever_folder(f, "llama"),
    "qwen3": lambda f: decoder_retriever_folder(f, "qwen3"),
}
BUNDLES = {
    "llama-bert-int8": ("llama", "bert-mean", Precision("int8")),
    "untied-first-fp32": ("llama-untied", "bert-first", Precision("fp32")),
    "qwen2-roberta-int8": ("qwen2", "roberta", Precision("int8", keep=frozenset({"down", "head"}))),
    "qwen3-qwen3-fp32": ("qwen3", "qwen3", Precision("fp32")),
    "qwen2-llama-fp16": ("qwen2", "llama", Precision("fp16")),
}


# ------------------------------------------------------------------------------------------------------------------ bundles


def random_lora(rng: np.random.Generator, prefix: str, layers: dict[int, dict], s: Settings) -> dict[str, np.ndarray]:
    out, put = {}, lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for i, layer in layers.items():
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            rows, columns = layer[name].shape
            out[f"{prefix}.{i}.{name}.A"] = put(rows, s.lora_rank) / np.float32(np.sqrt(rows))
            out[f"{prefix}.{i}.{name}.B"] = np.float32(0.1) * put(s.lora_rank, columns)
    return out


def random_teller(b: Backbone, s: Settings, name: str) -> dict[str, np.ndarray]:
    """Of a backbone that tells its latents with another LoRA in its last layer; none of one in float32."""
    if "fp32" in name:
        return {}
    last = len(b.layers) - 1
    return random_lora(np.random.default_rng(5), TOLD + "layers", {last: b.layers[last]}, s)


def random_adapter(b: Backbone, r: Retriever, s: Settings, seed: int = 3) -> dict[str, np.ndarray]:
    """Everything that `Model.adapter` names, at random; the query side as the difference to the frozen one (export.py)."""
    out, rng = {}, np.random.default_rng(seed)
    put = lambda name, *shape, scale=1.0: out.__setitem__(name, (scale * rng.standard_normal(shape)).astype(np.float32))  # noqa: E731

    def dense(name: str, columns: int, rows: int, scale: float = 1.0) -> None:
        put(name + ".weight", rows, columns, scale=scale / np.sqrt(columns))
        put(name + ".bias", rows, scale=0.1 * scale)

    def norm(name: str, size: int) -> None:
        out[name + ".weight"] = (1 + 0.1 * rng.standard_normal(size)).astype(np.float32)
        put(name + ".bias", size, scale=0.1)

    def lora(prefix: str, layers: list[dict]) -> None:
        out.update(random_lora(rng, prefix, dict(enumerate(layers)), s))

    def projector(name: str, width: int, to: int) -> None:
        norm(name + ".in_norm", b.hidden)
        dense(name + ".inp", b.hidden, width)
        for part in ("norm1", "norm2"):
            norm(f"{name}.{part}", width)
        for part, columns, rows in (("qkv", width, 3 * width), ("o", width, width), ("up", width, 4 * width), ("down", 4 * width, width)):
            dense(f"{name}.{part}", columns, rows)
        dense(name + ".out", width, to, 0.3)

    lora("lm.layers", b.layers)
    put("latents", s.think + s.query, b.hidden)
    dense("action", b.hidden, 2, 3.0)
    projector("query.projector", r.dimension, r.dimension)
    for part in ("q", "k"):
        norm(f"query.gate_norm_{part}", b.hidden)
        dense(f"query.gate_{part}", b.hidden, s.gate_width, 3.0)
    out["query.gate_bias"] = np.float32(-1.0).reshape(())
    if isinstance(r, DecoderRetriever):
        lora("query.encoder.layers", r.layers)
        put("query.latent_bias", s.query)
    else:
        for i, layer in enumerate(r.layers):
            for name in ("q", "k", "v", "o", "up", "down", "attn_norm", "ffn_norm"):
                put(f"query.encoder.layers.{i}.{name}.weight", *layer[name].T.shape, scale=0.02)
                put(f"query.encoder.layers.{i}.{name}.bias", *layer[name + "_b"].shape, scale=0.02)
    projector("thought", s.decode_width, b.hidden)
    projector("subquery", s.decode_width, b.hidden)
    norm("pointer.norm", b.hidden)
    for part in ("start_k", "start_q", "end_k", "end_q", "end_s"):
        dense(f"pointer.{part}", b.hidden, 128)
    dense("pointer.slots", b.hidden, 3)
    norm("support.norm", b.hidden)
    for part in ("k", "q"):
        dense(f"support.{part}", b.hidden, 128)
    out["support.bias"] = np.array(-0.5, np.float32)
    return out


def texts() -> list[str]:
    words = " ".join(CORPUS).split()
    return [" ".join(words[i % 40 : i % 40 + 1 + i // 8]) for i in range(200)] + [*TOKEN_TEXTS, "", "word " * 100]


def encoder_vectors(r: Retriever, texts: list[str]) -> np.ndarray:
    """By encoder.onnx itself. That it agrees with transformers is tested where there is PyTorch."""
    with tempfile.TemporaryDirectory() as tmp:
        retriever_graphs.encoder_graph(Path(tmp), r, {})
        session = ort.InferenceSession(f"{tmp}/encoder.onnx", providers=["CPUExecutionProvider"])
        out = []
        for text in texts:
            ids = r.tokenizer.encode(r.prefix + text.replace("\0", " ")).ids
            x = np.array([ids if len(ids) <= r.max_tokens else ids[: r.max_tokens - 1] + ids[-1:]], np.int64)
            out.append(session.run(None, {"input_ids": x, "attention_mask": np.ones_like(x)})[0][0])
    return np.array(out, "<f4")


def bundle(out: Path, name: str) -> dict:
    """Write the bundle `name` of BUNDLES to `out`; → its manifest."""
    backbone, retriever, precision = BUNDLES[name]
    with tempfile.TemporaryDirectory() as tmp:
        b, r = load_backbone(BACKBONES[backbone](Path(tmp, "b"))), load_retriever(RETRIEVERS[retriever](Path(tmp, "r")))
        parity = Path(tmp, "committed", "parity")
        parity.mkdir(parents=True)
        (parity / "encoder.json").write_text(json.dumps({"texts": texts(), "dimension": r.dimension, "note": "encoder.onnx"}))
        encoder_vectors(r, texts()).tofile(parity / "encoder.f32")
        (parity / "loops.json").write_text(json.dumps(LOOPS))
        spec = {
            "name": name, "version": "0", "backbone": f"random {backbone}", "retriever": f"random {retriever}", "limits": LIMITS,
            "sources": [], "training": {"run": "tiny", "tokens": 0, "figures": {}}, "answer": {"auto": ["span", "pointer"]},
        }  # fmt: skip
        if "int8" in name:  # of the three passages of a loop the answer is read from two
            spec["answer"]["passages"] = 2
            spec["answer"]["ways"], spec["answer"]["supports"] = {"pointer": {"support": 1.0}}, 1.0
            spec["answer"]["greatest"] = 2
            spec["action"] = {"margin": 0.5, "support": 1.0, "second": 0.5, "newest": -1.0, "carry": 0.5, "bias": 0.1, "hops": [0.2, -0.1]}
        twin = Adapter(random_adapter(b, r, SETTINGS, seed=4), SETTINGS) if "int8" in name else None
        told = replace(SETTINGS, tell_with_question="fp32" not in name)
        adapter = Adapter(random_adapter(b, r, SETTINGS) | random_teller(b, SETTINGS, name), told, twin)
        return write_bundle(out, parity.parent, spec, b, r, adapter, precision, lambda message: None)


if __name__ == "__main__":
    for name in BUNDLES:
        bundle(Path(sys.argv[1]) / name, name)
        print(name)
