"""Running a test script: once, as module-level code of a file called <string>."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

FILE_NAME = "<string>"


def execute(source: str, symbols: dict[str, Any]) -> None:
    """Run the script with ``symbols`` as its globals, which it may change."""
    # Annotations of the script are evaluated, as in any file: not as in this one.
    exec(compile(source, FILE_NAME, "exec", dont_inherit=True), symbols)


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
