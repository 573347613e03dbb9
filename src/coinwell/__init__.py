"""Coinwell: the coin economy of a live or short-video app.

People recharge coins with real money, gift creators, promote posts and keep a budget; operators fix
what went wrong and prove that the books balance. No coin is lost, created or spent twice, whatever
fails, and `coinwell verify` checks it.
"""
