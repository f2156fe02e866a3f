def each(call):
    times = []
    for _ in range(COUNT):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1000)
    return times


machine.succeed("true")
execute = each(lambda: machine.execute("true"))
used = cpu()
succeed = each(lambda: machine.succeed("true"))
used = (cpu() - used) * 1000 / COUNT
report(command__execute=execute, command__succeed=succeed, command__driver_cpu=[used])
