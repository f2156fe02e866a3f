output = machine.succeed("head -c 1073741824 /dev/zero | tr '\\0' x")
assert len(output) == 1 << 30
assert output[0] == output[-1] == "x" and output.count("x") == len(output)
assert machine.succeed("echo in step") == "in step\n"
