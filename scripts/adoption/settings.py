"""What a run is asked for, from the environment."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".latentask"
DATA = ROOT / "data"

# The collection's name is part of the text that is embedded, so it is the one of `latentask eval`.
COLLECTION = "Passage"
ID_PROPERTY = "pid"


@dataclass(frozen=True)
class Settings:
    limit: int  # questions a set, 0: all
    passages: int  # a corpus is cut to so many, 0: not at all
    sets: tuple[str, ...]
    objects: int  # that are adopted, and imported, for the speeds
    chunks: int  # in which they alternate
    rounds: int  # of idle and adopting, under traffic
    seconds: float  # each of them takes
    dir: Path
    eval_dir: Path  # where `latentask eval` keeps its collections
    bin: Path
    bundle: Path
    port: int  # the first of nine

    @classmethod
    def of_environment(cls) -> Settings:
        env = os.environ.get
        return cls(
            limit=int(env("LIMIT", "60")),
            passages=int(env("PASSAGES", "5000")),
            sets=tuple(env("SETS", "hotpotqa 2wiki musique").replace(",", " ").split()),
            objects=int(env("OBJECTS", "50000")),
            chunks=int(env("CHUNKS", "10")),
            rounds=int(env("ROUNDS", "6")),
            seconds=float(env("SECONDS_A_PHASE", "30")),
            dir=Path(env("DIR", str(LOCAL / "adoption"))),
            eval_dir=Path(env("EVAL_DIR", str(LOCAL / "eval"))),
            bin=Path(env("BIN", str(LOCAL / "bin"))),
            bundle=Path(env("LATENTASK_BUNDLE", str(LOCAL / "bundle"))),
            port=int(env("PORT", "18470")),
        )

    def command(self) -> str:
        """The command line that asks for a run like this one."""
        sets = " ".join(self.sets)
        return f"LIMIT={self.limit} PASSAGES={self.passages} SETS='{sets}' OBJECTS={self.objects} scripts/adopt_figures.sh"

    @property
    def reports(self) -> Path:
        return self.dir / "reports"

    def corpus(self, name: str) -> Path:
        """The corpus of a set, cut where that is asked for."""
        if self.passages == 0:
            return DATA / "corpus" / f"{name}.jsonl.gz"
        return self.eval_dir / "cut" / f"{name}-{self.passages}.jsonl.gz"

    @staticmethod
    def questions(name: str) -> Path:
        return DATA / "dev" / f"{name}.jsonl.gz"

    def claim(self) -> None:
        """Makes the folder of the run. One that holds a run of other sizes is refused: its files are not of this one."""
        mine = {k: v for k, v in asdict(self).items() if k in ("limit", "passages", "port")}
        file = self.dir / "settings.json"
        self.reports.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(json.dumps(mine), encoding="utf-8")
        elif (there := json.loads(file.read_text(encoding="utf-8"))) != mine:
            raise SystemExit(f"error: {self.dir} holds a run of {there}, this one is of {mine}\n       DIR=… names another folder.")


def machine() -> str:
    """The processor's name, with how many cores it has here, as reports of `latentask eval` have it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {os.cpu_count()} cores"


def relative(path: Path) -> str:
    """The path as a report names it: from the project's root where it lies in it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def write_json(path: Path, value: object) -> None:
    """Writes the whole file or nothing: a file that is there stands for a step that is done."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
