assert machine.succeed(r"printf 'a\0b\0'") == "a\0b\0"
# As scripts read EFI variables.
data = machine.succeed(r"printf '\7\0\0\0N\0i\0x\0'").encode("raw_unicode_escape")[4:]
assert data.decode("utf-16-le") == "Nix"
assert machine.succeed("head -c 100000 /dev/zero") == "\0" * 100000
