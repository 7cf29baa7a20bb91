"""What is not installed is named as one installs it."""

from __future__ import annotations

import pytest

from training.cli.refusal import Refusal, refusing


@pytest.mark.parametrize("missing", ["sklearn", "sklearn.isotonic"])
def test_a_missing_library_is_named_without_its_modules(missing: str) -> None:
    says = r"^sklearn is not installed: pip install 'asllr\[train\]'$"
    with pytest.raises(Refusal, match=says), refusing():
        raise ModuleNotFoundError(name=missing)
