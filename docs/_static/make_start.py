"""Make the pictures of the landing page and the quick starts by the code that stands there.

``python docs/_static/make_start.py`` writes them here.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
DOCS = HERE.parent

PICTURES = {
    "landing.png": ("index.md", "clusters.png"),
    "start_clusters.png": ("start/command.md", "sample_k6/clusters.png"),
    "start_moist.png": ("start/command.md", "moist.png"),
    "start_areas.png": ("start/archive.md", "years/figures/areas.png"),
    "start_tracks.png": ("start/archive.md", "years/figures/tracks.png"),
}
"""The page that makes each picture, and what it is called there."""

BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WIDTH, COLOURS = 1200, 96


def run_page(page: str, folder: str) -> None:
    """Run the code of a page in a folder, each block of Python by itself."""
    for language, code in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if language == "python":
            subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
        for line in code.splitlines() if language == "bash" else ():
            if line.startswith("fastkm "):
                words = [sys.executable, "-m", *shlex.split(line, comments=True)]
                subprocess.run(words, cwd=folder, check=True)


def main() -> None:
    """Run each page once, and keep what it draws."""
    for page in dict.fromkeys(page for page, _ in PICTURES.values()):
        with tempfile.TemporaryDirectory() as folder:
            run_page(page, folder)
            for name, (source, made) in PICTURES.items():
                if source == page:
                    picture = Image.open(Path(folder, made)).convert("RGB")
                    picture.thumbnail((WIDTH, WIDTH))
                    picture.quantize(COLOURS).save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
