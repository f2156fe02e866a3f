import contextlib
import json

port: int | None = 8080
names: list[str] = ["a", "b"]


def url(host: str, path: str | None = None) -> str:
    return f"http://{host}:{port}/{path or ''}"


assert f"{port=}" == "port=8080"
assert json.loads(f'{{"host": "{names[0]}", "port": {port}}}') == {"host": "a", "port": 8080}
assert f"{'x' * 3!r:>6}" == " 'xxx'"
assert url(f"{f'{names[1]}'}") == "http://b:8080/"
with (
    subtest("parenthesised"),
    contextlib.suppress(ValueError),
):
    raise ValueError
if (count := len(names)) > 1:
    assert count == 2
