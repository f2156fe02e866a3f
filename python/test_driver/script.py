"""Running a test script: as module-level code of a file called <string>."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType

FILE_NAME = "<string>"


def whole(source: str) -> CodeType:
    """The script, ready to run."""
    return _compiled(source)


def beginning_at(source: str, line: int | None, subtest: str | None) -> CodeType:
    """The script from a line, or from the subtest of that name, on. See Driver.test_script()."""
    from test_driver import script_part  # few runs need it

    return _compiled(script_part.beginning_at(source, line, subtest))


def _compiled(source: Any) -> CodeType:
    # Annotations of the script are evaluated, as in any file: not as in this one.
    code: CodeType = compile(source, FILE_NAME, "exec", dont_inherit=True)
    return code


def execute(code: CodeType, symbols: dict[str, Any]) -> None:
    """Run (a part of) the script with ``symbols`` as its globals, which it may change."""
    exec(code, symbols)


def status_of(end: SystemExit) -> int:
    """What sys.exit() was given, as an exit status."""
    if end.code is None:
        return 0
    return end.code & 0xFF if isinstance(end.code, int) else 1


def describe_failure(error: BaseException, source: str) -> str:
    """The traceback that the script's author wants: frames of the script, with their lines."""
    lines = _frames(error, source.splitlines())
    if lines:
        lines.insert(0, "Traceback (most recent call last):")
        lines.append("")
    lines += _exception_text(error)
    return "\n".join(lines)


def frames_of(error: BaseException) -> Iterator[TracebackType]:
    """The script's own part of the traceback, from the outermost frame to the innermost."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILE_NAME:
            yield traceback
        traceback = traceback.tb_next


def _frames(error: BaseException, source: list[str]) -> list[str]:
    lines = []
    for part in frames_of(error):
        number = part.tb_lineno
        lines.append(f'  File "{FILE_NAME}", line {number}, in {part.tb_frame.f_code.co_name}')
        if number is not None and 0 < number <= len(source):
            lines.append(f"    {source[number - 1].strip()}")
    return lines


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"(it cannot be shown: {type(failure).__name__})"


def _exception_text(error: BaseException) -> list[str]:
    import traceback

    if isinstance(error, SyntaxError):
        text = "".join(traceback.format_exception_only(type(error), error))
    else:
        name = type(error).__name__
        message = _message(error)
        text = f"{name}: {message}" if message else name
    return text.rstrip("\n").split("\n")
