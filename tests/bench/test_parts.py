"""Every part runs once at the tiny size, is JSON, and is written and drawn from that: none rots."""

import json

import pytest

from bench.parts import PARTS
from tests.conftest import needs_jit


@needs_jit
@pytest.mark.parametrize("name", PARTS)
def test_every_part_runs(name: str, tmp_path) -> None:
    part = PARTS[name]
    found = json.loads(json.dumps(part.run("tiny")))
    assert "|" in part.section(found)
    for stem, figure in part.figures(found).items():
        figure.savefig(tmp_path / f"{stem}.png")
        assert (tmp_path / f"{stem}.png").stat().st_size > 5_000
    assert isinstance(part.left_out(), dict)
