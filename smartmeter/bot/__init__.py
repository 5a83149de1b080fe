"""The Telegram bot: what it is asked, and what it answers."""
