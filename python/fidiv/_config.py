"""What this installation is."""

from __future__ import annotations

from typing import Any

from . import _core


def show_config() -> dict[str, Any]:
    """What this installation is: version, kernel in use and all available, code, threads, build profile,
    target.

    Examples
    --------
    >>> import fidiv
    >>> config = fidiv.show_config()
    >>> config["kernel"] in config["kernels"]
    True
    """
    return dict(_core.config())
