"""Make the picture of the landing page by the code that stands there: ``python docs/_static/make_landing.py``."""

import os
import re
import tempfile
from pathlib import Path

import matplotlib as mpl
from PIL import Image

HERE = Path(__file__).parent


def main() -> None:
    """Run the first block of Python of ``index.md``, and keep what it draws."""
    mpl.use("agg")
    text = (HERE.parent / "index.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(compile(code, "index.md", "exec"), {"__name__": "__main__"})
        picture = Image.open("clusters.png").convert("RGB")
        picture.quantize(64).save(HERE / "landing.png", optimize=True)
        os.chdir(HERE)


if __name__ == "__main__":
    main()
