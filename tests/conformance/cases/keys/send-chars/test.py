import string

machine.start()
text = string.digits + string.ascii_letters + string.punctuation + " \n"
machine.send_chars(text)
machine.send_chars("")
pressed = (machine.state_dir / "keys").read_text().split()
assert len(pressed) == len(text), (len(pressed), len(text))
keys = dict(zip(text, pressed))
assert keys["a"] == "a" and keys["A"] == "shift-a" and keys["7"] == "7"
assert keys[" "] == "spc" and keys["\n"] == "ret"
assert keys["~"] == "shift-grave_accent" and keys["|"] == "shift-backslash"
assert keys["%"] == "shift-5" and keys['"'] == "shift-apostrophe"
assert len(set(pressed)) == len(text)
