def each(call, count=COUNT, pause=0.0):
    times = []
    for _ in range(count):
        time.sleep(pause)
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1000)
    return times


machine.succeed("true")
execute = each(lambda: machine.execute("true"))
used = cpu()
succeed = each(lambda: machine.succeed("true"))
used = (cpu() - used) * 1000 / COUNT
spaced = each(lambda: machine.succeed("true"), SPACED, 0.01)
report(
    command__execute=execute,
    command__succeed=succeed,
    command__succeed_spaced=spaced,
    command__driver_cpu=[used],
)
