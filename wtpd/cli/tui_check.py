"""`wtpd tui --check`: what this terminal can do, and what follows from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wtpd import language
from wtpd.client import ApiProblem, Unreachable
from wtpd.texts import N_, Text
from wtpd.tui.glyphs import plain
from wtpd.tui.terminal import HEIGHT, WIDTH, Mode, Terminal, size_of

if TYPE_CHECKING:
    from wtpd.cli.console import Console

Line = tuple[Text, Text | str, bool | None]
"""What, how it is, and whether that is enough (None: it needn't be anything)."""
LETTERS = "äöüß éèë €"


def show(console: Console, terminal: Terminal, mode: Mode) -> int:
    """Print it; 0 if the terminal UI works here, else 1."""
    size = size_of(sys.stdout.fileno()) if sys.stdout.isatty() else (0, 0)
    daemon = _daemon(console)
    lines = list(_lines(console, terminal, mode, size, daemon))
    ok = all(good is not False for _, _, good in lines)
    console.answer(_for_programs(terminal, mode, size, daemon, ok), lambda: _print(console, terminal, mode, lines, ok))
    return 0 if ok else 1


def _lines(
    console: Console, terminal: Terminal, mode: Mode, size: tuple[int, int], daemon: dict[str, Any]
) -> Iterator[Line]:
    width, height = size
    least = f"{WIDTH}×{HEIGHT}"
    if not width:
        yield N_("Size"), N_("no terminal; wtpd tui wants one, at least {least}", least=least), False
    elif width < WIDTH or height < HEIGHT:
        yield N_("Size"), N_("{size}; it must be at least {least}", size=f"{width}×{height}", least=least), False
    else:
        yield N_("Size"), N_("{size} (at least {least})", size=f"{width}×{height}", least=least), True
    kind = terminal.term + (f", {terminal.inside}" if terminal.inside else "")
    yield (
        N_("Kind (TERM)"),
        kind if not terminal.dumb else N_("{term}: can't show pages", term=kind or "–"),
        not terminal.dumb,
    )
    yield N_("Line"), N_("behind ssh") if terminal.remote else N_("local"), None
    yield N_("Colours"), _colours(console, terminal), None
    yield N_("Letters"), _letters(terminal, mode), None
    yield N_("Signs"), _signs(mode), None
    yield N_("Function keys"), N_("F1 to F8; where they don't work, 1 to 8 do the same"), None
    yield N_("Mode"), _mode(terminal, mode), None
    yield N_("Language"), language.current(), None
    yield N_("Daemon"), _daemon_words(console, daemon), "role" in daemon


def _colours(console: Console, terminal: Terminal) -> Text | str:
    if not terminal.colours:
        return N_("none (NO_COLOR or TERM); signs say the same")
    names = (("green", N_("healthy")), ("yellow", N_("warning")), ("red", N_("error")), ("cyan", N_("key")))
    shown = " ".join(console.paint(language.say(word), colour=colour) for colour, word in names)
    return N_("{shown} – 16 are used, the terminal's own", shown=shown)


def _letters(terminal: Terminal, mode: Mode) -> Text:
    if mode.utf8:
        return N_("UTF-8: {letters} (two signs for each letter? Then set the terminal to UTF-8)", letters=LETTERS)
    if terminal.codeset == "utf-8":
        return N_("ASCII, as you asked for")
    return N_(
        "ASCII, since the locale says {codeset}; with UTF-8: LC_ALL=C.UTF-8 wtpd tui", codeset=terminal.codeset.upper()
    )


def _signs(mode: Mode) -> Text:
    glyphs = mode.glyphs
    signs = " ".join(
        (glyphs.ok, glyphs.warn, glyphs.bad, glyphs.paused, glyphs.app, glyphs.dealer, glyphs.cursor, glyphs.full)
    )
    if mode.utf8 and mode.signs:
        return N_("{signs} (empty boxes among them? Then use --ascii)", signs=signs)
    return N_("{signs} – plain ones", signs=signs)


def _mode(terminal: Terminal, mode: Mode) -> Text:
    ground = N_("light ground") if mode.theme == "ansi-light" else N_("dark ground")
    known = N_("as the terminal says") if terminal.light else N_("--theme light for the other")
    return N_("{ground} ({known}), mouse off (--mouse)", ground=ground, known=known)


def _daemon(console: Console) -> dict[str, Any]:
    """Its answer about us, or what is wrong."""
    try:
        return console.ask(lambda api: api.session())
    except Unreachable as error:
        from wtpd.cli.main import unreachable

        return {"problem": unreachable(error)}
    except ApiProblem as error:
        return {"problem": error.detail}


def _daemon_words(console: Console, daemon: dict[str, Any]) -> Text | str:
    if "role" not in daemon:
        return str(daemon["problem"])
    about = {"socket": console.socket, "user": daemon["user"], "version": daemon["version"]}
    if daemon["role"] == "admin":
        return N_("{version} answers at {socket}; {user} may read and change", **about)
    return N_("{version} answers at {socket}; {user} may read", **about)


def _hints(terminal: Terminal) -> Iterator[Text]:
    if terminal.remote or terminal.term.startswith("putty"):
        yield N_(
            "PuTTY: Window > Translation: UTF-8; Terminal > Keyboard: ESC[n~ or Xterm R6; SSH: Enable compression."
        )
        yield N_("OpenSSH on a slow line: ssh -C, or Compression yes in ~/.ssh/config.")
    if terminal.inside == "screen" or (terminal.term.startswith("screen") and terminal.inside != "tmux"):
        yield N_("screen: defutf8 on, altscreen on in ~/.screenrc.")
    yield N_("Do the function keys come through? Ctrl+V, then F3, in the shell: ^[OR, ^[[13~ and ^[[[C are understood.")
    yield N_("If a killed wtpd tui leaves the terminal in disorder: reset")


def _print(console: Console, terminal: Terminal, mode: Mode, lines: list[Line], ok: bool) -> None:
    glyphs = mode.glyphs
    written = [(language.say(label), language.say(value), good) for label, value, good in lines]
    room = max(len(label) for label, _, _ in written) + 2
    for label, value, good in written:
        sign = glyphs.bad if good is False else glyphs.ok if good else " "
        colour = None if good is None else "green" if good else "red"
        text = f"{label:<{room}}{value}"
        console.painted(f"{console.paint(sign, colour=colour)} {text if mode.utf8 else plain(text)}")
    console.line()
    for hint in _hints(terminal):
        console.line(hint if mode.utf8 else plain(language.say(hint)))
    console.line()
    verdict = N_("wtpd tui works here.") if ok else N_("wtpd tui doesn't work here yet; see the lines marked above.")
    console.line(verdict, bold=True)


def _for_programs(
    terminal: Terminal, mode: Mode, size: tuple[int, int], daemon: dict[str, Any], ok: bool
) -> dict[str, Any]:
    return {
        "ok": ok,
        "size": {"columns": size[0], "lines": size[1]},
        "term": terminal.term,
        "inside": terminal.inside,
        "remote": terminal.remote,
        "colours": terminal.colours,
        "codeset": terminal.codeset,
        "mode": {"theme": mode.theme, "utf8": mode.utf8, "signs": mode.signs},
        "language": language.current(),
        "daemon": daemon,
    }
