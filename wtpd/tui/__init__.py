"""The terminal UI (spec: tui.md): Textual, over the local API only.

start.py      looks at the terminal, then runs the app until it ends
app.py        routes: screens, palette, what holds for all of them
page.py       what every screen is: keys, loading, live events, read-only
screens/      one file a screen; more than one makes a folder
widgets/      table, sheet, bars, dialogs, form fields
live.py       the event stream; session.py: who sits here; formats.py: dates and numbers by locale; tints.py, glyphs.py
"""
