"""Durable calls: what must be done at a partner exactly once is on disk, encoded, before it is asked for.

`engine.py` makes the calls, `ports.py` is the border to the store and to whoever knows a kind of call.
"""
