names = [m.name for m in (server_lazy, _nd, a_b_c, hostA, mysql57, default)]
assert names == ["server-lazy", "2nd", "a.b-c", "hostA", "mysql57", "default"]
