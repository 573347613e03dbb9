"""The console: operators find any person or recharge, see what happened, and put it right.

A *timeline* is everything known about one recharge, in order: our steps, the provider's
messages, the postings in the ledger. What an operator does is done through the same doors
that everyone else uses, with a reason that stays.

Always: nothing here edits or deletes; a page shows what the ledger and the provider say; each
act needs the permission of the operator's role and is on the record with their name.
"""
