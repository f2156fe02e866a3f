import functools

attempts = 0


def count():
    global attempts
    attempts += 1
    return defined_below() + attempts


def counter():
    seen = 0

    def next_one():
        nonlocal seen
        seen += 1
        return seen

    return next_one


def logged(prefix):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            machine.log(f"{prefix} {function.__name__}")
            return function(*args, **kwargs)

        return wrapper

    return decorate


class Mailbox:
    host = machine

    def deliver(self, text, /, seen=[]):
        seen.append(text)
        return self.host.succeed(f"echo {text}") + str(len(seen))


@logged("calling")
def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)


def defined_below():
    return 100


assert count() == 101 and attempts == 1
steps = counter()
assert [steps(), steps(), steps()] == [1, 2, 3]
assert factorial(3) == 6
assert [Mailbox().deliver("a"), Mailbox().deliver("b")] == ["a\n1", "b\n2"]
assert [attempts for _ in range(2)] == [1, 1]
