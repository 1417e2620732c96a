import json

import numpy as np
from safetensors.numpy import save_file

from train.assemble import EXPLICIT
from train.export import explicit
from train.settings import Settings

WEIGHTS = {"lm.layers.0.q.A": np.ones((2, 2), np.float16), "latents": np.zeros((1, 2), np.float16)}


def test_a_twin_is_taken_from_its_run_or_as_it_was_released(tmp_path):
    run, released = tmp_path / "run", tmp_path / "released"
    run.mkdir()
    released.mkdir()
    s = Settings(explicit=True, seed=7)
    s.save(run / "settings.json")
    save_file(WEIGHTS | {"thought.out.bias": np.zeros(2, np.float16)}, run / "adapter.safetensors")
    save_file(WEIGHTS, released / EXPLICIT)
    settings = {**s.__dict__, "of_another_version": 1}
    (released / "bundle.json").write_text(json.dumps({"explicit": {"settings": settings}}))
    for folder in (run, released):
        weights, got = explicit(folder)
        assert weights.keys() == WEIGHTS.keys() and got == s.__dict__
