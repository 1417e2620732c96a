"""Adapters as they lie on disk: of a training run (its adapter.safetensors in full, settings.json), or released (bundles/NAME: in half
precision, the retriever's query side as a difference, its settings in bundle.json)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file

from train import hybrid
from train.difference import TOLD, whole
from train.model import Model
from train.sequence import Tokens
from train.settings import Settings
from train.weights import Retriever, load_backbone, load_retriever

FILE = "adapter.safetensors"
CHECKPOINT = "checkpoint.pt"


def released(folder: Path) -> bool:
    return (folder / "bundle.json").exists()


def tensors(path: Path, retriever: Retriever) -> dict[str, torch.Tensor]:
    """The weights of a run's adapter.safetensors, of its folder, or of a released one's."""
    if path.is_file():
        return load_file(path)
    if not released(path):
        return load_file(path / FILE)
    return {name: torch.tensor(w) for name, w in whole(load_arrays(path / FILE), retriever).items()}


def settings(folder: Path) -> Settings:
    if released(folder):
        return Settings.of(json.loads((folder / "bundle.json").read_text())["settings"])
    return Settings.load(folder / "settings.json")


def search(folder: Path) -> dict:
    """How its hops search: what a released one says of itself, else the defaults."""
    return hybrid.settings(json.loads((folder / "bundle.json").read_text()) if released(folder) else {})


def digest(folder: Path) -> str:
    """What tells one adapter from another."""
    if not (folder / FILE).exists():
        raise SystemExit(f"error: {folder} holds no {FILE}")
    return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()[:16]


def keep(folder: Path, state: dict, weights: dict[str, torch.Tensor]) -> None:
    """A run's checkpoint and its adapter, each whole or not at all: somebody may be reading them."""
    torch.save(state, folder / "checkpoint.tmp")
    (folder / "checkpoint.tmp").replace(folder / CHECKPOINT)
    save_file({name: w.contiguous().cpu() for name, w in weights.items()}, folder / "adapter.tmp")
    (folder / "adapter.tmp").replace(folder / FILE)


def tells(path: Path) -> bool:
    """Whether the weights at `path` have a LoRA for latents in words."""
    with safe_open(path if path.is_file() else path / FILE, "pt") as f:
        return any(name.startswith(TOLD) for name in f.keys())  # noqa: SIM118 (no dict)


def load(model: Model, path: Path, retriever: Retriever) -> list[str]:
    """Put the weights at `path` into the model; → the names of what the model trains and the file lacks."""
    found = {name: w for name, w in tensors(path, retriever).items() if not name.startswith(TOLD)}
    if unknown := model.load_state_dict(found, strict=False).unexpected_keys:
        raise SystemExit(f"error: {path}: no such parameters here: {', '.join(unknown[:3])}")
    return sorted(model.names - found.keys())


class Opened(NamedTuple):
    """A model to ask, not to train; and where its retriever lies."""

    model: Model
    tok: Tokens
    retriever: Path


def opened(folder: Path, weights: Path, device: str = "cpu") -> Opened:
    """With the backbone and the retriever that it was trained with, by default those of `weights`."""
    s = settings(folder)
    place = Path(s.retriever or weights)
    backbone, retriever = load_backbone(Path(s.backbone or weights)), load_retriever(place)
    model = Model(backbone, retriever, s).eval()
    if absent := load(model, folder, retriever):
        raise SystemExit(f"error: {folder} lacks parameters: {', '.join(absent[:3])}")
    return Opened(model.to(device), Tokens.of(backbone, retriever, s), place)
