import json
import sys
from argparse import Namespace
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from train import adapters, telling, trajectories, walks  # noqa: E402
from train.difference import TOLD  # noqa: E402
from train.losses import decoding, states  # noqa: E402
from train.model import Model  # noqa: E402
from train.packing import moved, pack  # noqa: E402
from train.sequence import Tokens  # noqa: E402
from train.settings import Settings  # noqa: E402
from train.telling import Said, searches  # noqa: E402
from train.tests import tiny  # noqa: E402
from train.tests.test_examples import trajectory  # noqa: E402
from train.tests.test_losses import parts, setting  # noqa: E402, F401
from train.trajectories import Search  # noqa: E402
from train.weights import load_backbone, load_retriever  # noqa: E402


def write_walks(folder, walked: dict[str, list[Search]], latents: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": t, "bundle": "b 1", "searches": [asdict(s) for s in found]}) + "\n" for t, found in walked.items()]
    (folder / walks.FILE).write_text("".join(lines))
    latents.astype(np.float16).tofile(folder / walks.LATENTS)


def test_a_search_is_told_as_the_first_hop_whose_gold_had_not_been_read(tmp_path):
    t = trajectory(id="t")
    first, second = t.hops
    walked = {
        "missed": [Search(["c"], []), Search([first.pid], ["x"]), Search([second.pid], ["y"]), Search(["d"], [])],
        "later one first": [Search([second.pid], []), Search([first.pid], [])],
    }
    write_walks(tmp_path, walked, np.zeros((6, 1, 1)))
    got = list(searches(tmp_path, {name: t for name in walked}))
    assert [(s.hop, s.first, s.focus, s.row) for s in got] == [
        (first, True, [], 0),
        (first, False, ["x"], 1),
        (second, False, ["y"], 2),  # what came after had no more to ask for
        (first, True, [], 4),
        (first, False, [], 5),
    ]


def test_states_that_were_kept_give_the_loss_of_a_pass_over_all(parts):  # noqa: F811
    model, tok, examples, _ = setting(parts, tell_with_question=True)
    packed = pack(tok, examples, [0, 1, 2], lambda e, h: 1)
    with torch.no_grad():
        seen = states(model, moved(packed.ids, "cpu"))
        expected = decoding(model, moved(packed.decoded, "cpu"), seen)
        at = np.concatenate([packed.decoded.think, packed.decoded.query], 1)
        hops = [(e, e.hops[i]) for e in examples for i in e.decode]
        said = [Said(e.t, h.hop, h.index == 0, h.focus, row) for row, (e, h) in enumerate(hops)]
        got = telling.loss(model, moved(telling.pack(tok, said, seen[at].numpy(), [True] * len(said)), "cpu"))
        fewer = telling.loss(model, moved(telling.pack(tok, said, seen[at].numpy(), [False] * len(said)), "cpu"))
    assert float(got.sum()) == pytest.approx(float(expected), rel=1e-4)
    words = sum(len(tok.text(s.hop.thought)[:47]) + 1 for s in said)
    np.testing.assert_allclose(got[words:], fewer, rtol=1e-4)


def test_a_source_is_drawn_by_its_weight_and_each_search_once_a_round():
    rows = [Said(trajectory(source=s), None, True, [], i) for s in ("musique", "wiki") for i in range(10)]
    stream = telling.batches(rows, "musique=3,wiki=1,pages=9", 8, 0)
    drawn = [s for _ in range(100) for s in next(stream)]
    assert 0.7 < np.mean([s.t.source == "musique" for s in drawn]) < 0.8
    first = [s.row for s in drawn if s.t.source == "musique"][:10]
    assert sorted(first) == list(range(10))


def test_only_what_tells_is_taught_and_a_run_goes_on(tmp_path, monkeypatch, capsys):
    backbone, retriever = tiny.BACKBONES["llama"](tmp_path / "b"), tiny.RETRIEVERS["bert-mean"](tmp_path / "r")
    b, r = load_backbone(backbone), load_retriever(retriever)
    s = Settings(**{**tiny.SETTINGS.__dict__, "tell_with_question": True, "backbone": str(backbone), "retriever": str(retriever)})
    torch.manual_seed(0)
    model, start = Model(b, r, s), tmp_path / "start"
    start.mkdir()
    s.save(start / "settings.json")
    save_file({k: v.contiguous() for k, v in model.adapter().items()}, start / adapters.FILE)
    rows = [trajectory(id=f"t{i}", source="musique") for i in range(200)]
    trajectories.write(tmp_path / "trajectories.jsonl.gz", [asdict(t) for t in rows])
    rng = np.random.default_rng(0)
    width = len(Tokens.of(b, r, s).think) + len(Tokens.of(b, r, s).query)
    walked = {t.id: [Search([h.pid], []) for h in t.hops] for t in rows}
    write_walks(tmp_path / "walks", walked, rng.standard_normal((2 * len(rows), width, b.hidden)))

    def run(minutes: float, origin=start, *more: str) -> str:
        argv = ["telling", "--walks", str(tmp_path / "walks"), "--from", str(origin), "--out", str(tmp_path / "run"), "--lr", "1e-2"]
        argv += ["--trajectories", str(tmp_path), "--minutes", str(minutes), "--batch", "4", "--layers", "1", *more]
        monkeypatch.setattr(sys, "argv", argv)
        telling.main()
        return capsys.readouterr().out

    out = run(0.05)
    losses = [float(line.split("first ")[1].split()[0]) for line in out.splitlines() if line.startswith("not trained on")]
    assert losses[-1] < losses[0]  # a random backbone says little of random latents
    before, after = load_file(start / adapters.FILE), load_file(tmp_path / "run" / adapters.FILE)
    changed = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
    assert changed == {"thought", "subquery"}
    last = f"layers.{len(b.layers) - 1}."
    new = {k for k in after if k not in before}
    assert new == {TOLD + k.removeprefix("lm.") for k in before if k.startswith("lm." + last)}
    assert all(not torch.equal(after[k], before["lm." + k.removeprefix(TOLD)]) for k in new)
    assert adapters.load(model, tmp_path / "run", r) == []  # training goes on without it
    assert Settings.load(tmp_path / "run" / "settings.json") == s
    assert "resumed at step" in run(0.08)

    with open(tmp_path / "walks" / walks.FILE, "a") as f:
        f.write(json.dumps({"id": "t0", "bundle": "b 1", "searches": []}) + "\n")
    with pytest.raises(SystemExit, match="other walks"):
        run(0.1)
    (tmp_path / "run").rename(tmp_path / "before")
    run(0.02, tmp_path / "before", "--layers", "0")  # what it had for its last layer is not taught, and not released
    after = load_file(tmp_path / "run" / adapters.FILE)
    assert after.keys() == before.keys()


@pytest.mark.parametrize("wrong, message", [("t9", "t9, which is not in"), ("short", "3 searches and the latents of 2")])
def test_walks_that_are_not_these_are_refused(tmp_path, wrong, message):
    walked = {"t": [Search(["a"], []), Search(["b"], [])], wrong: [Search(["c"], [])]}
    write_walks(tmp_path, walked, np.zeros((2 if wrong == "short" else 3, 1, 1)))
    of = {"t": trajectory(id="t", source="musique"), "short": trajectory(id="short", source="musique")}
    args = Namespace(walks=tmp_path, trajectories=tmp_path, start=tmp_path, shares="musique=1")
    with pytest.raises(SystemExit, match=message):
        telling.asked(args, of, len(walks.latents(tmp_path, 1, 1)))


def test_walks_of_another_bundle_are_refused(tmp_path):
    write_walks(tmp_path / "walks", {"t": [Search(["a"], [])], "u": [Search(["a"], [])]}, np.zeros((2, 1, 1)))
    (tmp_path / "bundle.json").write_text('{"name": "b", "version": "2"}')
    of = {"t": trajectory(id="t", source="musique"), "u": trajectory(id="u", source="single")}
    args = Namespace(walks=tmp_path / "walks", trajectories=tmp_path, start=tmp_path, shares="musique=1")
    with pytest.raises(SystemExit, match=r"walks of b 1, and .* is b 2"):
        telling.asked(args, of, 2)
    (tmp_path / "bundle.json").write_text('{"name": "b", "version": "1"}')
    assert [s.t.id for s in telling.asked(args, of, 2)] == ["t"], "of the sources that are taught"
