"""Output of a guest on the terminal: control sequences have no effect; the origin is visible."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# Sequences that set the window's title, the clipboard or the cursor; C1 controls; text direction;
# and unusual line endings.
EVIL = (
    "\x1b]0;owned\x07|\x1b]52;c;b3duZWQ=\x07|\x1b[2J|\x9b31m|\x85|\u202eevil\u2066|\u2028|\r|\x08|\x7f"
)
FORGED = (
    "!!! RequestedAssertionFailed: it is all your fault",
    "::error::forged",
    "::add-mask::a",
    "##[error]forged",
    "##vso[task.setvariable variable=x]forged",
    "##teamcity[testFailed name='forged']",
)
COMMANDS = re.compile(
    r"^[\s\u0000-\u0020]*::\w|##[a-z]*\[|section_start:\d+:\w+\r", re.MULTILINE | re.IGNORECASE
)


def forbidden(text: str) -> set[str]:
    """The characters of ``text`` that a log without colours must not contain."""
    return set(re.findall("[^\\t\\n -~\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U0010ffff]", text))


def must_be_harmless(result: Result) -> Result:
    assert not forbidden(result.stderr), (forbidden(result.stderr), str(result))
    assert not COMMANDS.findall(result.stderr), (COMMANDS.findall(result.stderr), str(result))
    return result


def in_script(text: str) -> str:
    return ascii(text)


@pytest.mark.parametrize(
    "way",
    (
        "web.execute(f'cat {file} >&2')",  # on the console
        "web.succeed(f'cat {file}; cat {file} >&2')",
        "web.succeed(f'cat {file}; false')",  # the output of a failed command
        "log.info(web.succeed(f'cat {file}'))",
        "web.log(web.succeed(f'cat {file}'))",
        "log.warning(words)",
        "raise Exception(words)",
        "web.get_unit_info(words)",  # an error with the requested name
        "web.get_unit_property('multi-user.target', words)",
        "web.wait_for_file(words.replace('\\0', ''), timeout=0.1)",
        "web.nested(words).__enter__()",
        "subtest(words).__enter__()",
        "log.log_serial(words, 'web')",
        "web.send_monitor_command('info ' + words.split('\\n')[0])",
        "web.send_key(words)",
        "web.wait_for_console_text('\\\\A' + words[:5], timeout=0.1)",
        # exceptions in threads, and those that nobody can catch
        "import threading; t2 = threading.Thread(target=web.fail, args=('true\\n' + words,)); "
        "t2.start(); t2.join()",
        "type('C', (), {'__del__': lambda self: (_ for _ in ()).throw(Exception(words))})()",
    ),
)
@pytest.mark.parametrize("options", ("", "--stream-output"))
def test_no_word_of_a_guest_is_obeyed(run_driver: RunDriver, way: str, options: str) -> None:
    script = f"""
        words = {in_script(chr(10).join((EVIL, *FORGED, EVIL)))}
        import base64
        encoded = base64.b64encode(words.encode()).decode()
        web.execute(f"echo {{encoded}} | base64 -d >words")
        file = "words"
        {way}
    """
    result = run_driver(script, args=options.split())
    must_be_harmless(result)
    assert not re.search("^!!! RequestedAssertionFailed: it is", result.stderr, re.MULTILINE)


def test_control_characters_are_shown(run_driver: RunDriver) -> None:
    result = run_driver(r"web.execute('printf \'\\033]0;x\\007 \\302\\233 \\377\\n\' >&2')")
    result.must_succeed().must_say("web # \\x1b]0;x\\x07 \\u009b \ufffd")


def test_further_lines_of_a_guest_have_its_name(run_driver: RunDriver) -> None:
    script = "web.succeed('echo one; echo \"!!! two\"; echo web: three; false')"
    run_driver(script).must_fail("web: output: one\nweb | !!! two\nweb | web: three\n")


def test_last_words_of_a_start_script_are_marked(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    body = "printf 'a\\033]0;x\\007\\n::error::b\\n##[error]c\\n' >&2; exit 3"
    scripts = {"web": workspace.start_script("web", body=body)}
    result = run_driver("web.start()", scripts=scripts).must_fail()
    must_be_harmless(result).must_blame("::error::b")
    result.must_say("!!! ::error::b", "web: stderr: ::error::b")


def test_a_script_may_print_commands_of_its_ci_system(run_driver: RunDriver) -> None:
    result = run_driver("print('::group::mine')").must_succeed()
    assert "::group::mine\n" in result.stdout


def test_colours_of_a_console_stay_where_a_person_watches(spawn_driver: SpawnDriver) -> None:
    script = r"web.execute('printf \'\\033[32mOK\\033[0m \\033[5;1H\\033[1mx\\ny\\n\' >&2')"
    driver = spawn_driver(script, terminal=True, env={"TERM": "xterm"})
    assert driver.end() == 0
    assert b"\x1b[2mweb # \x1b[32mOK\x1b[0m \\x1b[5;1H\x1b[1mx\x1b[0m\r\n" in driver.seen
    assert b"\x1b[2mweb # y\x1b[0m\r\n" in driver.seen


def test_the_prompt_shows_no_escapes(spawn_driver: SpawnDriver) -> None:
    driver = spawn_driver("", args=["--interactive"], terminal=True, env={"NTD_REPL": "python"})
    driver.expect("start_all")
    driver.type("web.connect()\n")
    driver.expect("finished: waiting for the VM")
    driver.type(r"_ = web.execute('printf \'\\033]0;title\\007end\\n\' >&2')" + "\n")
    driver.expect(r"web # \\x1b\]0;title\\x07end")
    driver.type(r"web.succeed(chr(27) + ']0;title' + chr(7))" + "\n")
    driver.expect(r"command `\\x1b\]0;title\\x07`")
    driver.type("exit()\n")
    assert driver.end() == 0
    assert b"\x1b]0;title" not in driver.seen


def test_files_of_the_log_have_the_words(run_driver: RunDriver, workspace: Workspace) -> None:
    file = workspace.out / "log.xml"
    script = "web.succeed('echo \"::error::a ##[error]b\" >&2')"
    run_driver(script, env={"LOGFILE": str(file)}).must_succeed()
    texts = [line.text for line in ElementTree.parse(file).getroot().iter("line")]
    assert "::error::a ##[error]b" in texts


def test_an_efi_variable_cannot_act_on_the_terminal(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = """
        import uuid
        from test_driver.efi import EfiVariable
        EfiVariable(uuid.UUID(int=1), "a\\x1b]0;x\\x07\\u202e").print()
    """
    result = run_driver(script).must_succeed()
    assert "a\\x1b]0;x\\x07\\u202e (" in result.stdout
