"""The console: operators find any person or recharge, see what happened, and put it right.

A *timeline* is everything known about one recharge, in order: our steps, the provider's
messages, the postings in the ledger. A *case* is something that waits for a person; it is there
while its cause is, and may be taken by one operator. A *proposal* says exactly what shall happen to
coins or prices; a second operator approves it, and then it happens, once. A *draft* is prices that
nobody can buy by yet.

Always: nothing here edits or deletes; a page shows what the ledger and the provider say; coins and
prices move by two people; each act needs the permission of the operator's role and has its row in
the audit log.
"""
