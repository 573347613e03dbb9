"""The sandbox payment provider: the default, so that a fresh installation can recharge.

`adapter.py` speaks to it as to any other provider; `server/` is the provider itself, a program
apart that stands for the world outside.

Always: the two share no code but whole numbers of money and the clock; no real money moves.
"""
