"""Describe a failed test: the script's part of the traceback, and the exception."""

from __future__ import annotations

import os

from test_driver.errors import SubtestsFailed

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

FILE_NAME = "<string>"  # the script's file name in tracebacks

MOST_SHOWN = 300  # characters of a text in a message of a wait
MOST_OTHERS = 10  # limit for the notes, causes and group members that are shown


def describe_failure(error: BaseException, source: str) -> str:
    """The traceback for the script's author, and the exception.

    The traceback has the frames of the script (with the text ``source``) and of its modules, but
    not those of the driver or of Python.
    """
    if isinstance(error, SubtestsFailed):  # the log has the tracebacks
        return str(error)
    lines = _frames(error, source.splitlines())
    if lines:
        lines.insert(0, "Traceback (most recent call last):")
        lines.append("")
    return "\n".join([*lines, _exception_text(error), *others_of(error)])


def message_of(error: BaseException) -> str:
    """str(error), or a substitute if that raises an exception."""
    try:
        return str(error)
    except BaseException as failure:
        return f"(it cannot be shown: {type(failure).__name__})"


def last_text(where: str, text: str) -> str:
    """What the last look at a text has seen, for messages of waits."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{where} showed: {' | '.join(lines)[-MOST_SHOWN:]}" if lines else f"{where} was empty"


def frames_of(error: BaseException) -> Iterator[TracebackType]:
    """The script's own frames in the traceback, from the outermost to the innermost."""
    return (part for part in _traceback(error) if _file_of(part) == FILE_NAME)


def innermost_of(error: BaseException) -> TracebackType | None:
    """The innermost of the script's own frames in the traceback."""
    part = None
    for part in frames_of(error):
        pass
    return part


def _traceback(error: BaseException) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _test_frames_of(error: BaseException) -> list[TracebackType]:
    """The frames of the script, and of files that belong neither to the driver nor to Python.

    Frames above the script are left out: they belong to the prompt that runs it.
    """
    parts = [part for part in _traceback(error) if _is_of_test(_file_of(part))]
    first = next((at for at, part in enumerate(parts) if _file_of(part) == FILE_NAME), 0)
    return parts[first:]


def _file_of(part: TracebackType) -> str:
    return part.tb_frame.f_code.co_filename


def _is_of_test(file: str) -> bool:
    return file == FILE_NAME or not (file.startswith("<") or _is_of_python(file))


def _is_of_python(file: str) -> bool:
    ours = os.path.dirname(os.path.dirname(__file__))
    library = os.path.dirname(os.__file__)
    if file.startswith(ours + os.sep):
        return True
    is_installed = "/site-packages/" in file or "/dist-packages/" in file
    return file.startswith(library + os.sep) and not is_installed


def _frames(error: BaseException, source: list[str]) -> list[str]:
    lines = []
    for part in _test_frames_of(error):
        file, number = _file_of(part), part.tb_lineno
        lines.append(f'  File "{file}", line {number}, in {part.tb_frame.f_code.co_name}')
        if text := _line_of(file, number, source):
            lines.append(f"    {text}")
    return lines


def _line_of(file: str, number: int | None, source: list[str]) -> str:
    if number is None:
        return ""
    if file == FILE_NAME:
        return source[number - 1].strip() if 0 < number <= len(source) else ""
    import linecache

    return linecache.getline(file, number).strip()


def _exception_text(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        import traceback

        plain = traceback.TracebackException(type(error), error, None)
        setattr(plain, "__notes__", None)
        return "".join(plain.format_exception_only()).rstrip("\n")
    name = type(error).__name__
    message = message_of(error)
    return f"{name}: {message}" if message else name


# ------------------------------------------------------------------------------ other exceptions


def others_of(error: BaseException) -> list[str]:
    """Describe the notes, causes and group members of an exception, MOST_OTHERS at most."""
    import itertools

    others = list(itertools.islice(_others(error, {id(error)}), MOST_OTHERS + 1))
    if len(others) > MOST_OTHERS:
        others[MOST_OTHERS:] = ["(there are more)"]
    return [_indented(other) for other in others]


def _others(error: BaseException, seen: set[int]) -> Iterator[str]:
    known = message_of(error)
    notes = getattr(error, "__notes__", None)
    for note in notes if isinstance(notes, (list, tuple)) else ():
        yield f"note: {note}" if isinstance(note, str) else f"note: {type(note).__name__}"
    if error.__cause__ is not None:
        yield from _other("caused by ", error.__cause__, known, seen)
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _other("while handling ", error.__context__, known, seen)
    members = _members_of(error)
    for number, member in enumerate(members, 1):
        yield from _other(f"{number} of {len(members)}: ", member, known, seen)


def _other(title: str, error: BaseException, known: str, seen: set[int]) -> Iterator[str]:
    """Describe a related exception.

    Yields nothing for one that is in ``seen``, or whose text is in ``known`` and that has no place
    in the script.
    """
    if id(error) in seen:
        return
    seen.add(id(error))
    place = _place_of(error)
    if place or message_of(error) not in known:
        yield f"{title}{_exception_text(error)}{place}"
    for other in _others(error, seen):
        yield _indented(other)


def in_short(error: BaseException) -> str:
    """The exception, with its place in the test in the first line."""
    first, *rest = _exception_text(error).split("\n")
    return "\n".join([first + _place_of(error), *rest])


def _members_of(error: BaseException) -> Sequence[BaseException]:
    return error.exceptions if isinstance(error, BaseExceptionGroup) else ()


def _place_of(error: BaseException) -> str:
    """The file and line of the test where the exception was raised; empty if there is none."""
    frames = _test_frames_of(error)
    if not frames:
        return ""
    file = _file_of(frames[-1])
    return f" ({'' if file == FILE_NAME else file + ', '}line {frames[-1].tb_lineno})"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
