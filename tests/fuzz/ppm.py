"""Screenshots, which QEMU makes of what the guest displays."""

import contextlib

from test_driver.screen.picture import png_of_ppm


def one(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert png_of_ppm(data).startswith(b"\x89PNG")
