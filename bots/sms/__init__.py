"""Short messages: approved templates go out, what people text back comes in."""
