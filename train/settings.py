"""One dataclass of settings, saved as JSON beside the weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

# A candidate piece with a smaller gate takes no part in the retriever's attention or mean: training and query.onnx alike.
GATE_FLOOR = 0.02


def weights_of(shares: str) -> dict[str, float]:
    """`Settings.shares`: the sources by name."""
    return {name: float(weight) for name, weight in (x.split("=") for x in shares.split(","))}


@dataclass
class Settings:
    run: str = "first"
    seed: int = 0

    # Model folders (config.json, safetensors, tokenizer.json) or a GGUF file; empty: the pinned packages.
    backbone: str = ""
    retriever: str = ""

    # The latent tokens: m = 4 and n = 16 as in the paper (section 4).
    think: int = 4
    query: int = 16
    latent_std: float = 0.1
    decode_width: int = 384  # of the two projectors that put latents into words

    # The copy head: pieces that may enter the retriever's input, width of its two maps.
    pieces: int = 24
    gate_width: int = 128
    gate_positive: float = 4.0  # weight of a positive piece in the gates' cross-entropy
    projector_std: float = 0.003  # the output map starts near zero: step 0 is a plain search

    # LoRA: rank and alpha as in the paper.
    lora_rank: int = 16
    lora_alpha: float = 64.0

    # Optimisation.
    batch: int = 8
    lr_lora: float = 3e-4
    lr_new: float = 1e-3
    lr_retriever: float = 3e-5
    warmup: int = 20
    final_lr: float = 0.05  # share of the learning rate left at the last step; linear in between
    weight_decay: float = 0.01
    clip: float = 1.0
    steps: int = 600
    checkpoint_every: int = 20

    # Losses: retrieval is KL(p_ref ‖ q) with p_ref = mix of the teacher's distribution and gold.
    beta: float = 0.03  # the paper: the top 3 hold about half of the mass
    temperature: float = 0.05
    gold_share: float = 0.5
    retrieval: str = "kl"  # kl, infonce (gold alone), cosine (distance to the teacher's vector)
    w_retrieval: float = 1.0
    w_gate: float = 1.0
    w_action: float = 0.4
    w_answer: float = 0.4
    w_pointer: float = 0.2
    w_support: float = 0.3
    w_decode: float = 0.3

    # What is trained, for ablations.
    copy_head: bool = True
    anchor: bool = True  # the question's own tokens stand first in the retriever's input
    fresh_retriever: bool = False  # the query side starts from random layers
    frozen_layers: int = 0  # the backbone's first layers (and the latents) stay as they are: for a stage that goes on, a sixth faster at 10
    tell_with_question: bool = False  # latents are put into words behind the question and the focus, which the query vector has too
    explicit: bool = False  # the twin: thought and subquery as text, no latents

    # Examples.
    shares: str = "hotpotqa=3,2wiki=2,musique=3,single=1,wiki=3,pages=4"  # of the sources in a batch, by weight
    answer_share: float = 0.5  # of examples that go on to read the last passages, decide and answer; of walks that end in `unknown`
    decode_share: float = 0.2  # of examples one of whose hops is decoded
    weak_teacher: float = 0.0  # of hops whose text subquery is the question itself, as a teacher writes that did not understand
    miss_share: float = 0.25  # of hops that first find distractors alone, so that the loop must search again
    walk_share: float = 0.0  # of a source's examples that follow what a loop found (walks.py), where there are walks of it
    hide_share: float = 0.06  # of examples whose gold never comes from some hop on: the answer is `unknown`

    # What is read.
    passage_tokens: int = 64
    question_tokens: int = 64
    max_question_tokens: int = 96  # retriever side, [CLS] and [SEP] counted
    answer_tokens: int = 24
    max_positions: int = 2048

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def of(cls, values: dict) -> Settings:
        """Settings of another version: fields that are no more are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in values.items() if k in known})

    @classmethod
    def load(cls, path: Path) -> Settings:
        return cls.of(json.loads(path.read_text()))
