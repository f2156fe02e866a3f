machine.succeed("true")
begin = time.perf_counter()
text = machine.succeed(f"head -c {MIB}M /dev/zero | tr '\\0' x")
seconds = time.perf_counter() - begin
assert len(text) == MIB << 20, len(text)
name = f"output__{NAME}__"
report(**{
    name + "rate": [len(text) / 1e6 / seconds],
    name + "memory": [status("VmHWM") * 1024 / len(text)],
})
