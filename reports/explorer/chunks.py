"""Compressed pieces of data, inside the page or as files beside it.

A page that is opened as a file must not read others, but may run scripts that lie beside it. So a
file is a script of one call that hands over its piece, compressed and as base64: letters, digits,
``+``, ``/`` and ``=``, whatever the data are.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path

from markupsafe import Markup

from ..frames.atomic_files import write_atomically

FOLDER = "explorer"
INSIDE = 1_500_000
"""Most bytes of data, as base64, inside a page; more go into files beside it. With it the page of
the demo stays under 4 MB."""
_FILE = re.compile(r"[0-9a-f]{16}\.js")


class Chunks:
    """Takes pieces of data and gives each a name; equal pieces are kept once.

    As long as they are few they stay in memory, to go into the page. Beyond `INSIDE` bytes all are
    written to files below ``explorer/``, unless they are to be embedded whatever their size.
    """

    def __init__(self, root: Path, embed: bool = False) -> None:
        """Take the folder of the page, and whether to put everything inside the page."""
        self._folder = root / FOLDER
        self._embed = embed
        self._inside: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self.files: list[Path] = []

    @property
    def beside(self) -> bool:
        """Whether the data are in files."""
        return bool(self.files)

    @property
    def size(self) -> int:
        """Total size of the data as base64, in bytes."""
        return sum(self._sizes.values())

    def add(self, data: bytes) -> str:
        """Keep a piece of data, and return its name."""
        name = hashlib.sha256(data).hexdigest()[:16]
        if name not in self._sizes:
            text = base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")
            self._sizes[name] = len(text)
            self._inside[name] = text
            if not self._embed and (self.beside or self.size > INSIDE):
                self._write()
        return name

    def size_of(self, name: str) -> int:
        """Return the size of a piece as base64, in bytes."""
        return self._sizes[name]

    def _write(self) -> None:
        """Move what is in memory into files."""
        for name, text in self._inside.items():
            call = f'apprehendData("{name}","{text}");\n'
            self.files.append(write_atomically(self._folder / f"{name}.js", call))
        self._inside.clear()

    def finish(self) -> list[Markup]:
        """Return the data blocks for the page, and delete the files of an earlier report."""
        if self._folder.is_dir():
            kept = {file.name for file in self.files}
            for file in self._folder.iterdir():
                if _FILE.fullmatch(file.name) and file.name not in kept:
                    file.unlink()
            if not any(self._folder.iterdir()):
                self._folder.rmdir()
        return [
            Markup(f'<script type="text/plain" id="data-{name}">{text}</script>')
            for name, text in self._inside.items()
        ]
