"""Adapters as they lie on disk: of a training run (its adapter.safetensors in full, settings.json), or released (bundles/NAME: in half
precision, the retriever's query side as a difference, its settings in bundle.json)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file

from train.difference import whole
from train.model import Model
from train.sequence import Tokens
from train.settings import Settings
from train.weights import Backbone, Retriever

FILE = "adapter.safetensors"


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


def name(folder: Path) -> str:
    """What tells one adapter from another."""
    return f"{folder.name} {hashlib.sha256((folder / FILE).read_bytes()).hexdigest()[:8]}"


def model(folder: Path, backbone: Backbone, retriever: Retriever, device: str = "cpu") -> tuple[Model, Tokens]:
    """To ask, not to train."""
    s = settings(folder)
    out = Model(backbone, retriever, s).eval()
    unknown = out.load_state_dict(tensors(folder, retriever), strict=False).unexpected_keys
    if unknown:
        raise SystemExit(f"error: {folder}: no such parameters here: {unknown[:3]}")
    return out.to(device), Tokens.of(backbone, retriever, s)
