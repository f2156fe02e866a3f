for user in ("alice", "bob"):
    with subtest(f"user {user} " "can log in"), machine.nested("in a nest"):
        with subtest("deeper"):
            machine.log(f"{user} is in")
            print(f"printed for {user}")
