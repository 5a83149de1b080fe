"""What the panels ask: SQL, written once for both stores."""
