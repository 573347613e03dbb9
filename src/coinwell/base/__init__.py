"""What every room may lean on and no room owns: clock, ids, money, database, refusals, edges.

Nothing here knows a room. Import the module you need: `from coinwell.base.money import Money`.
"""
