"""Draw the figures of these pages anew: python docs/statistics/draw.py [NAME ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from figures import FIGURES
from figures.style import save

PICTURES = Path(__file__).resolve().parents[1] / "pictures" / "statistics"


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or FIGURES:
        path = PICTURES / f"{name}.png"
        save(FIGURES[name], path)
        print(f"{path.stat().st_size / 1000:6.1f} kB  {path.name}")


if __name__ == "__main__":
    main()
