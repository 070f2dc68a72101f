"""The console: sandbox, web chat, QR page, overview, board, order page, phone home, sign-in."""
