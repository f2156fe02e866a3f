"""OCR, under the module name that scripts import or whose functions they replace."""

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
