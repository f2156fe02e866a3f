import sys

output = machine.succeed(r"printf 'a\xff\xfeb\xc3(\xe2\x82c'")
assert output[0] == "a" and "b" in output and output[-1] == "c", output
assert "\ufffd" in output
assert output.encode("utf-8"), "no lone surrogates"
# Every byte there is, and UTF-8 that is right.
everything = machine.succeed("for i in {0..255}; do printf \"\\\\x$(printf %x $i)\"; done")
assert everything[:128] == "".join(map(chr, range(128))), ascii(everything)
assert machine.succeed(r"printf '\xe2\x9c\x93'") == "✓"
status, output = machine.execute(r"printf '\x80'; exit 4")
assert (status, output) == (4, "\ufffd")
machine.fail(r"printf '\xff\xff'; exit 1")
machine.wait_until_succeeds(r"printf '\xff'")
