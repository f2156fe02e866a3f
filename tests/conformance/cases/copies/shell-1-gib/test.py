import hashlib

SIZE = 1 << 30
block = bytes(range(256)) * 4096
digest = hashlib.sha256()
with open("large", "wb") as file:
    for number in range(SIZE // len(block)):
        piece = number.to_bytes(8, "big") + block[8:]
        digest.update(piece)
        file.write(piece)
machine.copy_from_host("large", "large")
os.unlink("large")
assert machine.succeed("sha256sum < large").split()[0] == digest.hexdigest()
machine.copy_from_machine("large")
with open(driver.out_dir / "large", "rb") as file:
    assert hashlib.file_digest(file, "sha256").hexdigest() == digest.hexdigest()
machine.crash()
