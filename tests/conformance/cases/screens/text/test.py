import re

machine.start()
assert "Welcome" in machine.get_screen_text()
variants = machine.get_screen_text_variants()
assert len(variants) >= 1 and all("login" in text for text in variants)
assert "NixOS" in "\n".join(variants)
machine.wait_for_text(r"Welcome\s+to")
machine.wait_for_text(r"(nothing|log[i]n):", timeout=30)
