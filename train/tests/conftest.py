"""The base weights, where the downloads lie."""

import os
from pathlib import Path

import pytest

from train.weights import load_backbone, load_retriever

DOWNLOADS = Path(os.environ.get("LATENTASK_DOWNLOADS", ".latentask/downloads"))


@pytest.fixture(scope="session")
def backbone():
    return load_backbone(DOWNLOADS)


@pytest.fixture(scope="session")
def retriever():
    return load_retriever(DOWNLOADS)
