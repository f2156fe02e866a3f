import datetime as dt

calls = []


def tried(*args):
    calls.append(args)
    return len(calls) >= 3


def with_default(final=False):
    return final is False


def limits():
    count = 0

    def check(remaining):
        nonlocal count
        count += 1
        return count == 2

    return check


retry(tried)
assert calls == [(False,)] * 3, calls
retry(with_default, 60)
retry(lambda _: machine.execute("true")[0] == 0, timeout_seconds=300)
retry(limits(), timeout=dt.timedelta(seconds=30))
retry(limits(), timeout=None)
retry(limits(), timeout=2.5)
