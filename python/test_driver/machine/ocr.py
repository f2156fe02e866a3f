"""Text in pictures, under the name of the module that scripts import, or put their own functions in."""

from __future__ import annotations

import sys

from test_driver.screen import ocr
from test_driver.screen.ocr import (
    find_tesseract,
    perform_ocr_on_screenshot,
    perform_ocr_variants_on_screenshot,
)

__all__ = [
    "find_tesseract",
    "perform_ocr_on_screenshot",
    "perform_ocr_variants_on_screenshot",
]

sys.modules[__name__] = ocr
