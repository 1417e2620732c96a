"""The processes of a run: a node, and the two that make vectors for it. Whoever starts one ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import weaviate
from weaviate.classes.init import AdditionalConfig, Timeout

from .settings import ROOT, Settings, say

START_SECONDS = 300
STOP_SECONDS = 120
HEADERS = {"X-OpenAI-Api-Key": "none"}
# A node that fills and embeds on a busy machine takes its time.
PATIENCE = AdditionalConfig(timeout=Timeout(init=60, query=600, insert=600))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status < 300
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def process(name: str, command: list[str], log: Path, ready: str, env: dict[str, str] | None = None) -> Iterator[None]:
    """Runs a command from the time when `ready` answers."""
    if answers(ready):
        raise SystemExit(f"error: something serves at {ready} already\n       PORT=… names the first of nine other ports.")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        # A session of its own: an interrupt from the terminal reaches this process, which ends the other.
        child = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(env or {})}, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while not answers(ready):
            if child.poll() is not None:
                raise SystemExit(f"error: {name} ended with {child.returncode}\n       Its log is {log}.")
            if time.monotonic() > until:
                raise SystemExit(f"error: {name} is not ready after {START_SECONDS} s\n       Its log is {log}.")
            time.sleep(0.2)
        yield
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Servers:
    """Addresses and starts. The ports are fixed because a collection remembers the address of its vectorizer."""

    def __init__(self, s: Settings) -> None:
        self.s = s
        self.http, self.grpc = s.port, s.port + 1
        self.container, self.e5 = f"http://127.0.0.1:{s.port + 6}", f"http://127.0.0.1:{s.port + 7}/api.openai.com"
        self.url = f"http://127.0.0.1:{self.http}"

    def node(self, data: Path, modules: str):
        """The node on a data folder, with its bundle ready."""
        say(f"starting a node on {data}")
        data.mkdir(parents=True, exist_ok=True)
        ports = ("CLUSTER_GOSSIP_BIND_PORT", "CLUSTER_DATA_BIND_PORT", "RAFT_PORT", "RAFT_INTERNAL_RPC_PORT")
        env = {
            "PERSISTENCE_DATA_PATH": str(data / "data"),
            "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
            "DISABLE_TELEMETRY": "true",
            "GO_PROFILING_DISABLE": "true",
            "ENABLE_MODULES": modules,
            "LATENTASK_BUNDLE": str(self.s.bundle),
            "TRANSFORMERS_INFERENCE_API": self.container,
            "TRANSFORMERS_WAIT_FOR_STARTUP": "false",
            "OPENAI_APIKEY": "none",
            # How soon a node sees that a job was stopped; a minute by default.
            "DISTRIBUTED_TASKS_SCHEDULER_TICK_INTERVAL_SECONDS": "1",
            "CLUSTER_HOSTNAME": "figures",
            "CLUSTER_BIND_ADDR": "127.0.0.1",
            "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
            "GRPC_PORT": str(self.grpc),
            **{name: str(self.grpc + 1 + i) for i, name in enumerate(ports)},
        }
        command = [str(self.s.bin / "weaviate"), "--scheme", "http", "--host", "127.0.0.1", "--port", str(self.http)]
        command += ["--read-timeout", "600s", "--write-timeout", "600s"]
        return process("the node", command, data / "node.log", f"{self.url}/v1/modules/qna-latent/ready", env)

    def inference(self):
        """What plays the stock container of text2vec-transformers."""
        listen = self.container.removeprefix("http://")
        command = [str(self.s.dir / "inference"), "-bundle", str(self.s.bundle), "-listen", listen]
        return process("the inference container", command, self.s.dir / "inference.log", f"{self.container}/.well-known/ready")

    def e5_server(self):
        """multilingual-e5-small."""
        port = self.s.port + 7
        command = [sys.executable, str(ROOT / "scripts" / "e5_server.py"), str(port)]
        return process("the server of multilingual-e5-small", command, self.s.dir / "e5.log", f"http://127.0.0.1:{port}/health")

    def connect(self) -> weaviate.WeaviateClient:
        return weaviate.connect_to_local("127.0.0.1", self.http, self.grpc, headers=HEADERS, additional_config=PATIENCE)

    def connect_async(self) -> weaviate.WeaviateAsyncClient:
        return weaviate.use_async_with_local("127.0.0.1", self.http, self.grpc, headers=HEADERS, additional_config=PATIENCE)
