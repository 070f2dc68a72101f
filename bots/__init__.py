"""Chat: channels in and out, and the front desk that decides what a message means for us."""
