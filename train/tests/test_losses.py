import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train.examples import Builder  # noqa: E402
from train.losses import NAMES, counts, losses, states  # noqa: E402
from train.model import Model  # noqa: E402
from train.packing import moved, pack  # noqa: E402
from train.sequence import Tokens  # noqa: E402
from train.tests import tiny  # noqa: E402
from train.tests.test_examples import PASSAGES, ROW, trajectory  # noqa: E402
from train.weights import load_backbone, load_retriever  # noqa: E402


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    b = load_backbone(tiny.BACKBONES["llama"](folder / "backbone"))
    r = load_retriever(tiny.RETRIEVERS["bert-mean"](folder / "retriever"))
    return b, r


def setting(parts, **kw):
    """A model, examples of one and two hops with every part of the losses, and random vectors to rank."""
    b, r = parts
    s = tiny.Settings(**{**tiny.SETTINGS.__dict__, "answer_share": 1.0, "decode_share": 1.0, "miss_share": 0.0, "hide_share": 0.0} | kw)
    torch.manual_seed(0)
    model, tok = Model(b, r, s), Tokens.of(b, r, s)
    build = Builder(tok, s, {p["pid"]: p for p in PASSAGES}, ROW)
    whole = trajectory()
    short = trajectory(id="u", kind="single", question="When did Douglas Sirk die?", hops=whole.hops[1:])
    examples = [build(t, random.Random(n)) for n, t in enumerate((whole, short, whole))]
    rng = np.random.default_rng(0)
    vectors = torch.nn.functional.normalize(torch.tensor(rng.standard_normal((3, r.dimension)), dtype=torch.float32), dim=-1)
    return model, tok, examples, vectors


def lost(model, tok, examples, vectors):
    """The losses, ranked against all three passages; the second one's vector is every hop's teacher."""
    return losses(model, moved(pack(tok, examples, [0, 1, 2], lambda e, h: 1), "cpu"), vectors, vectors)


def total(model, tok, groups, vectors):
    out: dict[str, float] = {}
    for group in groups:
        for n, v in lost(model, tok, group, vectors).items():
            out[n] = out.get(n, 0.0) + float(v.detach())
    return out


def test_sequences_packed_into_one_pass_give_the_sum_of_each_alone(parts):
    model, tok, examples, vectors = setting(parts)
    together = total(model, tok, [examples], vectors)
    alone = total(model, tok, [[e] for e in examples], vectors)
    assert set(together) == set(alone) >= {"retrieval", "gate", "action", "answer", "decode", "hit", "right", "support", "told"}
    for n, v in together.items():
        assert v == pytest.approx(alone[n], rel=1e-4), n


def test_pointed_answers_are_read_together_as_each_alone(parts):
    """A span, a slot and a span among fewer words: the loss written out by the formulas of docs/bundle.md, one example at a time."""
    model, tok, examples, vectors = setting(parts)
    slot = setting(parts, hide_share=1.0)[2][1]
    batch = [examples[0], slot, examples[1]]
    assert [e.pointed.end < 0 for e in batch] == [False, True, False]
    expected, head = 0.0, model.pointer
    with torch.no_grad():
        for e in batch:
            seen = states(model, moved(pack(tok, [e], [0, 1, 2], lambda e, h: 1), "cpu").ids)
            p, a, w = e.pointed, head.norm(seen[e.pointed.at]), head.norm(seen[e.pointed.words])
            expected -= float(torch.cat([head.start_k(w) @ head.start_q(a) / 8, head.slots(a)]).log_softmax(-1)[p.start])
            if p.end >= 0:
                end = head.end_k(w) @ (head.end_q(a) + head.end_s(w[p.start])) / 8
                expected -= float(end[p.allowed].log_softmax(-1)[p.allowed.index(p.end)])
    assert float(lost(model, tok, batch, vectors)["pointer"].detach()) == pytest.approx(expected, rel=1e-4)


def test_each_hop_is_ranked_against_its_own_teacher_whatever_the_order(parts):
    model, tok, examples, vectors = setting(parts)
    loss = lambda rows, teacher: float(  # noqa: E731
        losses(model, moved(pack(tok, examples, rows, teacher), "cpu"), vectors, vectors)["retrieval"].detach()
    )
    own = lambda e, h: h.gold  # noqa: E731
    assert loss([2, 0, 1], own) == pytest.approx(loss([0, 1, 2], own), rel=1e-4)
    assert loss([0, 1, 2], own) != pytest.approx(loss([0, 1, 2], lambda e, h: 1), rel=1e-4)


def test_every_trained_parameter_gets_a_gradient(parts):
    model, tok, examples, vectors = setting(parts)
    part, count = lost(model, tok, examples, vectors), counts(examples)
    sum(part[n] / count[n] for n in NAMES if n in part).backward()
    without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None and not n.startswith("pointer.")]
    assert not without
    assert all(np.isfinite(float(p.grad.sum())) for p in model.parameters() if p.grad is not None)


def test_without_decoding_and_copy_head_the_rest_still_adds_up(parts):
    model, tok, examples, vectors = setting(parts, copy_head=False, decode_share=0.0)
    part = lost(model, tok, examples, vectors)
    assert "gate" not in part and "decode" not in part and float(part["retrieval"].detach()) > 0


def test_the_twin_has_no_latents_and_learns_what_it_writes(parts):
    model, tok, examples, vectors = setting(parts, explicit=True)
    part = lost(model, tok, examples, vectors)
    assert set(part) == {"action", "right", "support", "told", "answer", "decode"}
    assert counts(examples)["decode"] == sum(len(e.written) for e in examples)


def test_a_decision_is_asked_of_every_passage_read_before_it(parts):
    _, _, examples, _ = setting(parts)
    e = examples[0]
    assert [gold for _, gold in e.passages].count(True) == 2
    pairs = e.supports()
    assert len(pairs) == sum(sum(end < at for end, _ in e.passages) for at, _ in e.actions)
    assert all(end < at for at, end, _ in pairs)
    last = e.actions[-1][0]
    assert [gold for at, _, gold in pairs if at == last] == [gold for _, gold in e.passages]
