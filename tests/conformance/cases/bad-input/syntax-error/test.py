assert machine.execute("if true; then")[0] not in (0, 124)
assert machine.execute("echo 'unclosed")[0] not in (0, 124)
assert machine.execute("cat <<E\nno end")[1] in ("", "no end\n", "no end")
assert machine.execute("}")[0] != 0
assert machine.execute(")")[0] != 0
assert machine.execute("")[0] == 0
assert machine.execute("\n\n  # nothing\n")[0] == 0
assert machine.succeed("echo in step") == "in step\n"
